// One network in its own thread, so that a large network delays neither the drawing nor other networks.
//
// The first message is { plan, numbers }, both as text; the answer is { ready: true }.
// Any number of messages { pixels, maps } may follow; the answer to each, in order, is
// { probabilities: ten numbers, milliseconds, maps: for each convolution { text, shape, channels, values } }.

const MOST_MAPS = 16; // the most channels of a layer that are sent to be shown

let operations = [];

onmessage = ({ data }) => {
  if (data.plan) {
    operations = readPlan(data.plan, bytesOf(data.numbers));
    postMessage({ ready: true });
  } else {
    postMessage(answer(data.pixels, data.maps));
  }
};

function answer(pixels, wantsMaps) {
  const maps = [];
  const begin = performance.now();
  const found = probabilities(operations, pixels, (operation, y) => {
    if (wantsMaps && operation.text) maps.push(firstMaps(operation, y));
  });
  return { probabilities: found, milliseconds: performance.now() - begin, maps };
}

/** The first few channels of a convolution's output, each as a picture: values[channel][row * columns + column]. */
function firstMaps({ text, output: [rows, columns, channels] }, y) {
  const values = Array.from({ length: Math.min(channels, MOST_MAPS) }, (_, channel) =>
    Float32Array.from({ length: rows * columns }, (_, place) => y[place * channels + channel]),
  );
  return { text, shape: [rows, columns], channels, values };
}

/** A plan of plan.py, its references to numbers replaced by those numbers. */
function readPlan(text, bytes) {
  const readers = { float16: float16s, float32: (buffer) => new Float32Array(buffer) };
  const sizes = { float16: 2, float32: 4 };
  return JSON.parse(text, (_, value) => {
    if (!value || !readers[value.type]) return value;
    return readers[value.type](bytes.slice(value.at, value.at + value.count * sizes[value.type]).buffer);
  });
}

/** float16 as float32, by a table of all values, because not every browser has Float16Array. */
function float16s(buffer) {
  float16s.table ??= Float32Array.from({ length: 65536 }, (_, bits) => float16(bits));
  return Float32Array.from(new Uint16Array(buffer), (bits) => float16s.table[bits]);
}

/** The number that 16 bits stand for: a sign, 5 bits of exponent, 10 of fraction. Source: IEEE 754. */
function float16(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = (bits & 1023) / 1024;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction) : 2 ** -14 * fraction);
}

function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}
