"""The engine of the browser in a page: how tests give it networks and arrays, and take its answers."""

import base64
import json
from importlib.resources import files
from typing import Any

import numpy as np

from MNIST.browser.table import language_table

MODULES = "browser/language/language.js", "browser/engine/engine.js", "browser/engine/kernels.js"
TYPES = {
    "f4": "Float32Array",
    "u1": "Uint8Array",
    "u2": "Uint16Array",
    "i4": "Int32Array",
    "f8": "Float64Array",
}

# Arrays cross the border as {type, base64}; `decoded` finds them anywhere in a value, `encoded` makes them.
BORDER = """
function decoded(value) {
  if (Array.isArray(value)) return value.map(decoded);
  if (value === null || typeof value !== "object") return value;
  if ("base64" in value) {
    const text = atob(value.base64);
    const bytes = new Uint8Array(text.length);
    for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
    return new globalThis[value.type](bytes.buffer);
  }
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, decoded(each)]));
}
function encoded(value) {
  if (Array.isArray(value)) return value.map(encoded);
  if (value === null || typeof value !== "object") return value;
  if (ArrayBuffer.isView(value)) {
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    let text = "";
    for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
    return { type: value.constructor.name, base64: btoa(text) };
  }
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, encoded(each)]));
}
"""

SET_UP = """async ([table, simd, plain]) => {
  setLanguage(table);
  [simd, plain] = decoded([simd, plain]);
  globalThis.kernels = { simd: await loadKernels(simd, plain), plain: await loadKernels(new Uint8Array(1), plain) };
  if (!globalThis.kernels.simd.simd || globalThis.kernels.plain.simd) throw new Error("this browser has no SIMD");
}"""


def open_engine(modules: Any, *more: str) -> Any:
    """A page with the engine, its kernels in `kernels.simd` and `kernels.plain`, and these further modules."""
    page = modules(*MODULES, *more)
    page.add_script_tag(content=BORDER)
    names = "kernels.wasm", "kernels_plain.wasm"
    wasm = [
        to_page(np.frombuffer((files("MNIST") / "browser/engine" / name).read_bytes(), "u1"))
        for name in names
    ]
    page.evaluate(SET_UP, [language_table(), *wasm])
    return page


def ask(page: Any, script: str, **values: Any) -> Any:
    """Call an async function of JavaScript with these values by name; arrays go and come as NumPy's."""
    call = f"async (values) => encoded(await ({script})(decoded(values)))"
    return from_page(page.evaluate(call, to_page(values)))


def to_page(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        name = TYPES[value.dtype.str[1:]]
        return {"type": name, "base64": base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()}
    if isinstance(value, dict):
        return {key: to_page(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [to_page(each) for each in value]
    return json.loads(json.dumps(value))


def from_page(value: Any) -> Any:
    if isinstance(value, list):
        return [from_page(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"type", "base64"}:
        kind = next(kind for kind, name in TYPES.items() if name == value["type"])
        return np.frombuffer(base64.b64decode(value["base64"]), kind)
    return {key: from_page(each) for key, each in value.items()}
