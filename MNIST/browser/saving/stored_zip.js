// Zip archives without compression: written as Python's zipfile writes NumPy's, and read only if written so.
//
// A member's sizes stand in 64 bits behind its name. There are no dates, no links and no comments. A reader knows
// which members there must be; it makes their headers itself and compares them, and so interprets none.
// Source: PKWARE, .ZIP File Format Specification 6.3.10.

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const VERSION = 45; // of the format, with sizes in 64 bits
const UNIX = 3;
const FIRST_DAY = 0x21; // 1 January 1980
const PERMISSIONS = 0o600 << 16;
const IN_64_BITS = 0xffffffff;
export const LARGEST = 2 ** 31 - 1; // bytes of an archive

/** The bytes of an archive with these members: a list of [name, Uint8Array]. */
export function writeZip(members) {
  const parts = [];
  const entries = [];
  let begin = 0;
  for (const [name, content] of members) {
    const sum = crc32(content);
    const header = localHeader(name, sum, content.length);
    parts.push(header, content);
    entries.push({ name, sum, size: content.length, begin });
    begin += header.length + content.length;
  }
  if (begin > LARGEST) throw new Error(`a file of ${begin} bytes is too large to be saved`);
  return joined([...parts, directory(entries, begin)]);
}

/**
 * The members of an archive by name; they share its memory. names: those that there must be, in order.
 * Throws an Error unless `writeZip` would write the same bytes.
 */
export function readZip(bytes, names) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const members = new Map();
  const entries = [];
  let begin = 0;
  for (const name of names) {
    const place = begin + 30 + encoded(name).length;
    if (place + 20 > bytes.length) throw damaged();
    const size = view.getUint32(place + 4, true);
    const content = bytes.subarray(place + 20, place + 20 + size);
    const sum = crc32(content);
    if (content.length !== size || !equal(bytes.subarray(begin, place + 20), localHeader(name, sum, size))) {
      throw damaged();
    }
    members.set(name, content);
    entries.push({ name, sum, size, begin });
    begin = place + 20 + size;
  }
  if (!equal(bytes.subarray(begin), directory(entries, begin))) throw damaged();
  return members;
}

/** CRC-32 of some bytes. Source: ISO 3309, as in PNG's specification, annex D. */
export function crc32(bytes) {
  let sum = 0xffffffff;
  for (let place = 0; place < bytes.length; place += 1) {
    sum = TABLE[(sum ^ bytes[place]) & 0xff] ^ (sum >>> 8);
  }
  return (sum ^ 0xffffffff) >>> 0;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte;
  for (let bit = 0; bit < 8; bit += 1) sum = sum & 1 ? 0xedb88320 ^ (sum >>> 1) : sum >>> 1;
  return sum;
});

/** What stands before a member's content. sum: its CRC-32. size: in bytes. */
function localHeader(name, sum, size) {
  const text = encoded(name);
  return joined([
    numbers([LOCAL, 4], [VERSION, 2], [0, 2], [0, 2], [0, 2], [FIRST_DAY, 2]),
    numbers([sum, 4], [IN_64_BITS, 4], [IN_64_BITS, 4], [text.length, 2], [20, 2]),
    text,
    numbers([1, 2], [16, 2], [size, 4], [0, 4], [size, 4], [0, 4]),
  ]);
}

/** What stands behind the last member: where each begins, once more with its sum and size. */
function directory(entries, begin) {
  const parts = entries.flatMap((entry) => {
    const text = encoded(entry.name);
    return [
      numbers([CENTRAL, 4], [VERSION, 1], [UNIX, 1], [VERSION, 2], [0, 2], [0, 2], [0, 2], [FIRST_DAY, 2]),
      numbers([entry.sum, 4], [entry.size, 4], [entry.size, 4], [text.length, 2], [0, 2], [0, 2], [0, 2], [0, 2]),
      numbers([PERMISSIONS, 4], [entry.begin, 4]),
      text,
    ];
  });
  const size = parts.reduce((total, part) => total + part.length, 0);
  const count = entries.length;
  return joined([...parts, numbers([END, 4], [0, 2], [0, 2], [count, 2], [count, 2], [size, 4], [begin, 4], [0, 2])]);
}

/** Whole numbers, each with its size in bytes, the lowest byte first. */
function numbers(...values) {
  const bytesOf = ([value, size]) => Array.from({ length: size }, (_, byte) => value >>> (8 * byte));
  return Uint8Array.from(values.flatMap(bytesOf));
}

function joined(parts) {
  const bytes = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let begin = 0;
  for (const part of parts) {
    bytes.set(part, begin);
    begin += part.length;
  }
  return bytes;
}

function equal(one, other) {
  return one.length === other.length && one.every((byte, place) => byte === other[place]);
}

function encoded(text) {
  return new TextEncoder().encode(text);
}

function damaged() {
  return new Error("this is no file that a laboratory saved, or it is damaged, or it was packed anew");
}
