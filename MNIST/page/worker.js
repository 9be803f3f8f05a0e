// The networks of one card in their own thread, so that a large network delays neither the drawing nor other cards.
//
// The first message is { networks, numbers, table, kernels }, as the page carries them; the answer is { ready: true }.
// Any number of messages { pixels: 28×28 for each network, maps } may follow; the answer to each, in order, is
// { probabilities: a number for each class, the mean of the networks', milliseconds,
//   maps: for each convolution of a single network { text, shape, channels, values } }.

import { fromBase64 } from "../browser/base64.js";
import { Engine } from "../browser/engine/engine.js";
import { loadKernels } from "../browser/engine/kernels.js";
import { layOut, parseSpec, setLanguage } from "../browser/language/language.js";
import { probabilitiesOf } from "../browser/training/metrics.js";

const MOST_MAPS = 16; // the most channels of a layer that are sent to be shown

let started = []; // {engine, maps} of each network: maps are the paths of the layers whose maps are shown

onmessage = ({ data }) => {
  if (data.networks) {
    start(data).then(
      () => postMessage({ ready: true }),
      (error) => setTimeout(() => { throw error; }), // outside the promise, so that the page is told
    );
  } else {
    postMessage(answer(data.pixels, data.maps));
  }
};

async function start({ networks, numbers, table, kernels }) {
  setLanguage(table);
  const loaded = await loadKernels(fromBase64(kernels.simd), fromBase64(kernels.plain));
  started = networks.map((network, index) => {
    const laidOut = layOut(parseSpec(network.text, { classes: network.classes.length }));
    const [mean, deviation] = network.pixel_statistics;
    const engine = Engine.create(loaded, laidOut, { pixelStatistics: { mean, deviation }, training: false });
    engine.setWeights(readWeights(network.weights, fromBase64(numbers[index])));
    return { engine, maps: new Set(network.maps) };
  });
}

function answer(pixels, wantsMaps) {
  const begin = performance.now();
  const images = pixels.map((each) => Uint8Array.from(each));
  const each = started.map(({ engine }, index) =>
    probabilitiesOf(engine.logits(images[index]), engine.network.classes),
  );
  const probabilities = Array.from(each[0], (_, label) => meanOf(each.map((one) => one[label])));
  const milliseconds = performance.now() - begin;
  return { probabilities, milliseconds, maps: wantsMaps ? mapsOf(started[0], images[0]) : [] };
}

function meanOf(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** What a network's convolutions make of an image. */
function mapsOf({ engine, maps }, image) {
  return engine.look(image).filter(({ path }) => maps.has(path)).map(firstMaps);
}

/** The first few channels of a convolution's output, each as a picture: values[channel][row * columns + column]. */
function firstMaps({ text, shape: [rows, columns, channels], values: y }) {
  const values = Array.from({ length: Math.min(channels, MOST_MAPS) }, (_, channel) =>
    Float32Array.from({ length: rows * columns }, (_, place) => y[place * channels + channel]),
  );
  return { text, shape: [rows, columns], channels, values };
}

/** The weights by name, from their bytes. places: as MNIST/page/numbers.py gives them. */
function readWeights(places, bytes) {
  const readers = { float16: float16s, float32: (buffer) => new Float32Array(buffer) };
  const sizes = { float16: 2, float32: 4 };
  const read = ({ type, at, count }) => readers[type](bytes.slice(at, at + count * sizes[type]).buffer);
  return Object.fromEntries(Object.entries(places).map(([name, place]) => [name, read(place)]));
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
