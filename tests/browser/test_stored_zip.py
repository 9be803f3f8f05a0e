"""Archives and arrays as the page writes them: byte for byte as Python does, and read only if written so."""

import base64
import io
import zipfile

import numpy as np
import pytest

from MNIST.engines.saved_arrays import read_arrays, write_arrays

SHAPES = {"conv_1/kernel": (3, 3, 1, 8), "conv_1/bias": (8,), "dense_3/kernel": (12345, 1), "odd": (1, 1, 1)}


@pytest.fixture(scope="module")
def page(modules):
    return modules("browser/saving/stored_zip.js", "browser/saving/arrays.js")


@pytest.fixture(scope="module")
def arrays():
    generator = np.random.default_rng(0)
    return {name: generator.normal(size=shape).astype(np.float32) for name, shape in SHAPES.items()}


ENCODED = """
const encode = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
const decode = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
"""


def in_page(page, script, *values):
    """What a script gives; bytes go there and back as base64 (`encode`, `decode`)."""
    sent = [base64.b64encode(one).decode() if isinstance(one, bytes) else one for one in values]
    return page.evaluate(f"(values) => {{ {ENCODED} {script} }}", sent)


def test_arrays_are_written_as_numpy_writes_them(page, arrays):
    script = """return encode(writeArrays(values[0].map(([name, shape, numbers]) =>
        [name, { kind: "<f4", shape, values: new Float32Array(decode(numbers).buffer) }])))"""
    sent = [[name, array.shape, base64.b64encode(array.tobytes()).decode()] for name, array in arrays.items()]
    written = base64.b64decode(in_page(page, script, sent))
    assert written == write_arrays(arrays)
    for name, array in read_arrays(written, arrays).items():
        np.testing.assert_array_equal(array, arrays[name])


def test_what_numpy_writes_is_read(page, arrays):
    script = """const found = readFloats(decode(values[0]), values[1]);
        const sent = ([name, numbers]) => [name, encode(new Uint8Array(numbers.buffer))];
        return Object.entries(found).map(sent)"""
    found = in_page(page, script, write_arrays(arrays), list(SHAPES.items()))
    assert [name for name, _ in found] == list(SHAPES)
    for name, numbers in found:
        assert base64.b64decode(numbers) == arrays[name].tobytes()


def test_texts_are_numpys(page):
    words = ["A", "", "größer", "😀 two", "a\x01"]
    script = """return encode(writeArrays([["words", texts(values[0])]]))"""
    with np.load(io.BytesIO(base64.b64decode(in_page(page, script, words)))) as file:
        assert file["words"].tolist() == words


def _hostile(arrays):
    """Files that differ from what is expected, each by its name."""
    good = write_arrays(arrays)
    stream = io.BytesIO(good)
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr("more", b"")
    others = {"a further member": stream.getvalue()}
    for kind, name in ((zipfile.ZIP_STORED, "another writer"), (zipfile.ZIP_DEFLATED, "compressed")):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", kind) as archive:
            for member, array in arrays.items():
                buffer = io.BytesIO()
                np.save(buffer, array)
                archive.writestr(f"{member}.npy", buffer.getvalue())
        others[name] = stream.getvalue()
    first = next(iter(arrays))
    others["another shape"] = write_arrays(arrays | {first: arrays[first].reshape(9, 8)})
    others["another type"] = write_arrays(arrays | {first: arrays[first].view(np.int32)})
    others["another order"] = write_arrays(dict(reversed(arrays.items())))
    others["an array less"] = write_arrays({name: array for name, array in arrays.items() if name != "odd"})
    others["more behind it"] = good + b"\0"
    others["more before it"] = b"\0" + good
    others["a comment"] = good[:-2] + b"\1\0x"
    others["cut short"] = good[:-1]
    others["nothing"] = b""
    flipped = bytearray(good)
    flipped[200] ^= 1
    others["a bit flipped"] = bytes(flipped)
    sized = bytearray(good)
    sized[30 + 17 + 4 : 30 + 17 + 8] = b"\xff\xff\xff\xff"
    others["a huge size"] = bytes(sized)
    return others


def test_nothing_else_is_read(page, arrays):
    script = """return values[0].map((file) => { try { readFloats(decode(file), values[1]); return ""; }
        catch (error) { return error.constructor.name + ": " + error.message; } })"""
    hostile = _hostile(arrays)
    sent = [base64.b64encode(content).decode() for content in hostile.values()]
    for name, said in zip(hostile, in_page(page, script, sent, list(SHAPES.items())), strict=True):
        assert said.startswith("Error: "), name
        assert said.endswith(("or it was packed anew", "is not an array of 3×3×1×8")), name
