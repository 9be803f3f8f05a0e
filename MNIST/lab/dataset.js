// The dataset that the page carries: gzipped IDX files in base64, unpacked without keeping the page from answering.

import { fromBase64 } from "../browser/base64.js";

const SLICE = 1 << 20; // characters of base64 that are decoded at once: a few milliseconds
const WIDTHS = { 8: 1, 11: 2 }; // bytes of a value, by the IDX file's type: uint8, int16
const SIDE = 28;

/** The bytes of a script tag with base64; the tag is removed, so that its text takes no memory. */
export async function bytesOf(id) {
  const tag = document.getElementById(id);
  const text = tag.textContent.trim();
  tag.remove();
  const parts = [];
  for (let begin = 0; begin < text.length; begin += SLICE) {
    parts.push(fromBase64(text.slice(begin, begin + SLICE)));
    if (begin + SLICE < text.length) await pause();
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** Wait until the browser has answered the keys that were pressed meanwhile. */
function pause() {
  return new Promise((resolve) => setTimeout(resolve));
}

/** The dataset as the laboratory takes it. about: what the page says of it. */
export async function unpackDataset(about) {
  const [trainLabels, testLabels] = [await idx("train-labels"), await idx("test-labels")];
  const [trainImages, testImages] = [await idx("train-images"), await idx("test-images")];
  const { name, classes, ink, form } = about;
  const dataset = {
    name,
    classes,
    ink,
    form,
    trainImages: trainImages.values,
    trainLabels: Uint16Array.from(trainLabels.values),
    testImages: testImages.values,
    testLabels: Uint16Array.from(testLabels.values),
  };
  if (dataset.trainImages.length !== dataset.trainLabels.length * SIDE * SIDE)
    throw new Error("images are missing");
  if (dataset.testImages.length !== dataset.testLabels.length * SIDE * SIDE) throw new Error("images are missing");
  return dataset;
}

/** An IDX file: {shape, values}. */
async function idx(id) {
  const packed = new Blob([await bytesOf(id)]).stream().pipeThrough(new DecompressionStream("gzip"));
  const bytes = new Uint8Array(await new Response(packed).arrayBuffer());
  const view = new DataView(bytes.buffer);
  const [type, dimensions] = [bytes[2], bytes[3]];
  const shape = Array.from({ length: dimensions }, (_, axis) => view.getUint32(4 + 4 * axis));
  const [begin, width] = [4 + 4 * dimensions, WIDTHS[type]];
  if (width === 1) return { shape, values: bytes.subarray(begin) };
  const count = shape.reduce((product, length) => product * length, 1);
  return { shape, values: Uint16Array.from({ length: count }, (_, place) => view.getUint16(begin + 2 * place)) };
}

/** The image with a number: Uint8Array of 28×28. of: "train" or "test". */
export function imageOf(dataset, of, number) {
  return dataset[`${of}Images`].subarray(number * SIDE * SIDE, (number + 1) * SIDE * SIDE);
}

/** A canvas with an image as it is. */
export function pictureOf(pixels, name) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE;
  canvas.className = "picture";
  if (name === null) canvas.setAttribute("aria-hidden", "true");
  else {
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", name);
  }
  paintPicture(canvas, pixels);
  return canvas;
}

/** Paint 28×28 grey levels on a canvas of that size. */
export function paintPicture(canvas, pixels) {
  const image = new ImageData(SIDE, SIDE);
  pixels.forEach((grey, place) => image.data.set([grey, grey, grey, 255], 4 * place));
  canvas.getContext("2d").putImageData(image, 0, 0);
}
