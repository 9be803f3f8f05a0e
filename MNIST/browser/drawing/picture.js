// From ink to the 28×28 pixels that the networks see: cut out, scaled into a 20×20 box, centred by mass.
//
// It gives the same bytes as MNIST/data/centring.py, and tests compare the two. Pictures are stored row by row.

const IMAGE = 28;
const BOX = 20; // of the digit's longer side
const MIDDLE = IMAGE / 2; // the centre of mass should be in this pixel
const NEARLY_BLACK = 0.99; // of full ink: the contrast of a paler digit is stretched
const HALF = 0.5 + 1e-6; // rounds a half up, even if the order of a sum leaves it slightly below

/** A digit as in MNIST: Uint8Array of 28×28, 255 is full ink; null without any ink. ink: numbers from 0 to 1. */
export function centred(ink, rows, columns) {
  const cut = cropped(ink, rows, columns);
  if (!cut) return null;
  const { digit, height, width } = scaled(cut);
  const masses = { rows: new Float64Array(height), columns: new Float64Array(width) };
  digit.forEach((value, at) => {
    masses.rows[Math.floor(at / width)] += value;
    masses.columns[at % width] += value;
  });
  const [top, left] = [offset(masses.rows), offset(masses.columns)];
  const image = new Uint8Array(IMAGE * IMAGE);
  for (let row = 0; row < height; row++) {
    image.set(digit.subarray(row * width, (row + 1) * width), (top + row) * IMAGE + left);
  }
  return image;
}

/** The smallest rectangle that contains all ink: { ink, rows, columns }; null if there is none. */
function cropped(ink, rows, columns) {
  let [top, bottom, left, right] = [rows, -1, columns, -1];
  for (let row = 0, at = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, at++) {
      if (ink[at] === 0) continue;
      top = Math.min(top, row);
      bottom = row;
      left = Math.min(left, column);
      right = Math.max(right, column);
    }
  }
  if (bottom < 0) return null;
  const [height, width] = [bottom - top + 1, right - left + 1];
  const cut = new Float32Array(height * width);
  for (let row = 0; row < height; row++) {
    const begin = (top + row) * columns + left;
    cut.set(ink.subarray(begin, begin + width), row * width);
  }
  return { ink: cut, rows: height, columns: width };
}

/** The picture scaled so that its longer side has BOX pixels and, if it was pale, its darkest pixel is 255. */
function scaled({ ink, rows, columns }) {
  const longer = Math.max(rows, columns);
  const [height, width] = [rows, columns].map((length) =>
    Math.max(1, Math.floor((2 * length * BOX + longer) / (2 * longer))),
  );
  const digit = resized(ink, [rows, columns], [height, width]);
  const darkest = digit.reduce((a, b) => Math.max(a, b), 0);
  const stretch = darkest < NEARLY_BLACK ? darkest : 1;
  return { digit: Uint8Array.from(digit, (value) => Math.floor((value / stretch) * 255 + HALF)), height, width };
}

/** A whole picture in 28×28: Uint8Array, 255 is full ink. ink: numbers from 0 to 1. */
export function whole(ink, rows, columns) {
  return Uint8Array.from(resized(ink, [rows, columns], [IMAGE, IMAGE]), (value) => Math.floor(value * 255 + HALF));
}

/** A picture of another size: Float64Array. */
function resized(ink, [rows, columns], [height, width]) {
  const squeezed = new Float64Array(height * columns); // its rows are scaled, its columns not yet
  weights(rows, height).forEach((shares, target) => {
    for (const [source, share] of shares) {
      for (let column = 0; column < columns; column++) {
        squeezed[target * columns + column] += share * ink[source * columns + column];
      }
    }
  });
  const across = weights(columns, width);
  return Float64Array.from({ length: height * width }, (_, at) => {
    const begin = Math.floor(at / width) * columns;
    return across[at % width].reduce((sum, [source, share]) => sum + share * squeezed[begin + source], 0);
  });
}

/**
 * The shares of `source` pixels in each of `target` pixels: for each a list of [source pixel, share], share > 0.
 *
 * Shrinking takes the mean over the area that a target pixel covers. Enlarging interpolates linearly between the
 * centres of source pixels; beyond the outermost centre it takes that pixel's value.
 */
function weights(source, target) {
  const step = source / target;
  const shareOf = (pixel, from) => {
    if (target <= source) {
      return (Math.min((pixel + 1) * step, from + 1) - Math.max(pixel * step, from)) / step;
    }
    const place = Math.min(Math.max((pixel + 0.5) * step - 0.5, 0), source - 1);
    return 1 - Math.abs(place - from);
  };
  return Array.from({ length: target }, (_, pixel) =>
    Array.from({ length: source }, (_, from) => [from, shareOf(pixel, from)]).filter(([, share]) => share > 0),
  );
}

/** Where a line of pixels with these masses must begin to have its centre in the middle pixel, if it fits. */
function offset(masses) {
  const total = masses.reduce((sum, mass) => sum + mass, 0);
  const twiceCentre = masses.reduce((sum, mass, pixel) => sum + mass * (2 * pixel + 1), 0); // times the mass
  const pixel = Math.floor(twiceCentre / (2 * total));
  return Math.min(Math.max(MIDDLE - pixel, 0), IMAGE - masses.length);
}
