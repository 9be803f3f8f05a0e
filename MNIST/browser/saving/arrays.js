// Arrays as NumPy keeps them in files: .npy, a header and numbers, and .npz, several of them in a zip.
//
// Source: NumPy, numpy.lib.format, version 1.0 of the format.

import { readZip, writeZip } from "./stored_zip.js";

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0];
const ALIGNMENT = 64;
const ROOM_TO_GROW = 21; // NumPy leaves so many places for the first length

/** An array: kind is NumPy's word for the type ("<f4", "|u1", "<u2", "<U8"); values is a typed array. */

/** The bytes of a .npz file with these arrays: a list of [name, {kind, shape, values}]. */
export function writeArrays(arrays) {
  return writeZip(arrays.map(([name, array]) => [`${name}.npy`, npy(array)]));
}

/**
 * The values of float32 arrays in a .npz file, by name: copies. expected: a list of [name, shape].
 * Throws an Error unless the file holds exactly these arrays in this order, as `writeArrays` writes them.
 */
export function readFloats(bytes, expected) {
  const members = readZip(bytes, expected.map(([name]) => `${name}.npy`));
  const found = {};
  for (const [name, shape] of expected) {
    const content = members.get(`${name}.npy`);
    const before = header("<f4", shape);
    const size = before.length + 4 * shape.reduce((product, length) => product * length, 1);
    if (content.length !== size || before.some((byte, place) => byte !== content[place])) {
      throw new Error(`its weights are not those of its text: ${name} is not an array of ${shape.join("×")}`);
    }
    found[name] = new Float32Array(content.slice(before.length).buffer);
  }
  return found;
}

/** Texts as NumPy's array of texts: all take as many characters of four bytes as the longest. */
export function texts(words) {
  const characters = words.map((word) => Array.from(word, (character) => character.codePointAt(0)));
  const longest = Math.max(1, ...characters.map((word) => word.length));
  const values = new Uint32Array(words.length * longest);
  characters.forEach((word, place) => values.set(word, place * longest));
  return { kind: `<U${longest}`, shape: [words.length], values };
}

function npy({ kind, shape, values }) {
  const before = header(kind, shape);
  const content = new Uint8Array(before.length + values.byteLength);
  content.set(before);
  content.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), before.length);
  return content;
}

function header(kind, shape) {
  const lengths = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const said = `{'descr': '${kind}', 'fortran_order': False, 'shape': (${lengths}), }`;
  const grown = said + (shape.length ? " ".repeat(ROOM_TO_GROW - String(shape[0]).length) : "");
  const unpadded = MAGIC.length + 2 + grown.length + 1;
  const text = grown + " ".repeat(ALIGNMENT - (unpadded % ALIGNMENT)) + "\n";
  return Uint8Array.from([...MAGIC, text.length & 0xff, text.length >> 8, ...new TextEncoder().encode(text)]);
}
