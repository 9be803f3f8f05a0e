// Bytes that a page carries as text.

/** The bytes that a text in base64 stands for. */
export function fromBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)); // in older browsers
}
