"""Networks as a laboratory saves them, by the page's own script or by Python; Python draws their weights."""

import base64
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from MNIST.browser.table import language_table
from MNIST.data import About
from MNIST.engines.saved_arrays import write_arrays
from MNIST.language import lay_out, parse_spec
from MNIST.training import EpochResult
from MNIST.training.draws import initial_weights
from MNIST.training.history import history_csv

MODEL = """# of a student
Layers:
Conv,4,3,3,linear
BatchNorm
Activation,relu
MaxPool,4,4
Residual:
    Conv,6,3,3,relu,padding=same
Flatten
Dense,{classes},softmax
Optimizer:
0.002,1e-3
3
100
"""
DIGEST = "0123456789abcdef" * 4

SCRIPT = """
const encode = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
const decode = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
const trained = ({ text, weights, about, ...others }) => {
  const classes = about.classes.length;
  const spec = parseSpec(fillClasses(text, classes), { source: "spec.txt", classes });
  const arrays = Object.entries(weights).map(([name, w]) => [name, new Float32Array(decode(w).buffer)]);
  return { ...others, text, spec, network: layOut(spec), weights: Object.fromEntries(arrays), state: null };
};
"""


@dataclass
class Student:
    """What somebody has trained in a laboratory: this text, with the weights that belong to this seed."""

    name: str = "my_net"
    seed: int = 0
    text: str = MODEL
    about: About = field(default_factory=lambda: About("mnist"))
    digest: str = DIGEST

    @property
    def weights(self) -> dict[str, np.ndarray]:
        classes = len(self.about.classes)
        text = self.text.replace("{classes}", str(classes))
        return initial_weights(lay_out(parse_spec(text, classes=classes)), self.seed)

    def note(self) -> dict[str, Any]:
        """What its network.json says."""
        return {
            "format": 1,
            "version": "3.0.0",
            "name": self.name,
            "seed": self.seed,
            "split": 0.9,
            "images": 1000,
            "dataset": self.about.name,
            "digest": self.digest,
            "classes": list(self.about.classes),
            "ink": self.about.ink,
            "form": self.about.form,
            "pixel_mean": 0.1307,
            "pixel_deviation": 0.3081,
            "epochs": len(HISTORY),
            "kept_epoch": 3,
            "stopped": False,
            "batch_size": 100,
            "training_images": 900,
            "validation_images": 100,
            "seconds": 4.5,
            "browser": "Mozilla/5.0 (X11; Linux x86_64)",
        }

    def members(self) -> dict[str, bytes]:
        """The four files in its zip."""
        return {
            "network.json": as_json(self.note()),
            "spec.txt": self.text.encode(),
            "history.csv": history_csv(HISTORY).encode(),
            "weights.npz": write_arrays(self.weights),
        }

    def packed(self, **changes: bytes) -> bytes:
        """Its zip. changes: other contents, by the names of the files without their endings."""
        files = self.members()
        return packed({name: changes.get(name.split(".")[0], content) for name, content in files.items()})

    def trained(self) -> dict[str, Any]:
        """What the laboratory has of it, as values that a page understands."""
        note, weights = self.note(), self.weights
        return {
            **{
                name: note[name]
                for name in ("name", "seed", "split", "images", "stopped", "seconds", "browser")
            },
            "text": self.text,
            "weights": {name: base64.b64encode(array.tobytes()).decode() for name, array in weights.items()},
            "history": [_in_page(result) for result in HISTORY],
            "keptEpoch": note["kept_epoch"],
            "pixelStatistics": {"mean": note["pixel_mean"], "deviation": note["pixel_deviation"]},
            "trainingImages": note["training_images"],
            "validationImages": note["validation_images"],
            "about": {
                name: note[{"name": "dataset"}.get(name, name)]
                for name in ("name", "digest", "classes", "ink", "form", "version")
            }
            | {"counts": {"training": 1000, "allTraining": 1000}},
        }


HISTORY = [
    EpochResult(
        epoch,
        loss=1 / (3 * epoch),
        accuracy=1 - 0.1 / epoch,
        val_loss=1e-5 / epoch,
        val_accuracy=0.75,
        learning_rate=1e-7 * epoch,
        gradient_norm_mean=1.0,
        gradient_norm_variance=0.0,
        seconds=1.5,
        peak_memory=0,
    )
    for epoch in (1, 2, 3)
]
FIELDS = {
    "loss": "loss",
    "accuracy": "accuracy",
    "valLoss": "val_loss",
    "valAccuracy": "val_accuracy",
    "learningRate": "learning_rate",
    "gradientNormMean": "gradient_norm_mean",
    "gradientNormVariance": "gradient_norm_variance",
    "seconds": "seconds",
    "epoch": "epoch",
}


def _in_page(result: EpochResult) -> dict[str, float]:
    return {name: getattr(result, field) for name, field in FIELDS.items()}


def as_json(note: Mapping[str, Any]) -> bytes:
    """A network.json as JavaScript writes it."""
    return (json.dumps(note, indent=2, ensure_ascii=False) + "\n").encode()


def packed(members: Mapping[str, bytes]) -> bytes:
    """A zip without compression, dates and permissions of its own, like that of `numpy.savez`."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            with archive.open(name, "w", force_zip64=True) as member:
                member.write(content)
    return stream.getvalue()


def open_saving(modules: Any, *more: str) -> Any:
    """A page with the language, all that saves, and more modules."""
    page = modules("browser/language/language.js", "browser/saving/saving.js", *more)
    page.evaluate("(table) => setLanguage(table)", language_table())
    page.evaluate(f"() => {{ {SCRIPT} Object.assign(globalThis, {{ encode, decode, trained }}); }}")
    return page


def saved(page: Any, *students: Student) -> list[bytes]:
    """The files that the page saves for these students."""
    script = "(all) => all.map((one) => encode(saveNetwork(trained(one), one.about)))"
    return [base64.b64decode(text) for text in page.evaluate(script, [one.trained() for one in students])]


def hostile(student: Student) -> dict[str, tuple[bytes, str]]:
    """Files that no laboratory saved, by what is wrong with each, and a word that the message has."""
    good, members = student.packed(), student.members()
    note = student.note()
    not_one, of_the_note = "no file that a laboratory saved", "network.json is not as a laboratory writes it"
    files = {
        "nothing": (b"", not_one),
        "something else": (b"GIF89a" * 100, not_one),
        "cut short": (good[:-1], not_one),
        "more behind it": (good + b"\0", not_one),
        "more before it": (b"#!/bin/sh\n" + good, not_one),
        "a comment": (good[:-2] + b"\1\0x", not_one),
        "a further member": (packed(members | {"virus.exe": b"MZ"}), not_one),
        "a path in a name": (packed({f"../{name}": content for name, content in members.items()}), not_one),
        "a folder in it": (packed({f"net/{name}": content for name, content in members.items()}), not_one),
        "a member less": (packed({"network.json": members["network.json"]}), not_one),
        "another order": (packed(dict(reversed(members.items()))), not_one),
        "a bit flipped in its weights": (_flipped(good, good.index(b"\x93NUMPY") + 200), not_one),
        "a link": (good.replace(b"\0\0\x80\1", b"\0\0\xff\xa1"), not_one),
        "compressed": (_compressed(members), not_one),
        "a bomb": (_compressed(members | {"spec.txt": b"#" * 50_000_000}), not_one),
        "a fifth of a gigabyte": (_said_to_have(good, 200_000_000), ""),
    }
    notes: dict[str, Any] = {
        "format": 2, "version": "1\x1b[31m", "name": "../x", "seed": -1, "split": 0, "images": 0,
        "digest": "abc", "classes": ["a", "a"], "ink": "red", "form": "round", "pixel_mean": 2,
        "pixel_deviation": 0, "epochs": 4, "kept_epoch": 4,
        "stopped": 0, "batch_size": 99, "training_images": 0, "validation_images": -1,
        "seconds": -1, "browser": "x" * 2000, "dataset": ["mnist"],
    }  # fmt: skip
    for name, value in notes.items():
        files[f"another {name}"] = student.packed(network=as_json(note | {name: value})), ""
    others = {
        "a list": b"[]",
        "no JSON": b"{",
        "no text": b"\xff",
        "deep": b"[" * 100_000,
        "another field": as_json(note | {"more": 1}),
        "a field less": as_json({name: value for name, value in note.items() if name != "ink"}),
        "a number of many digits": as_json(note).replace(b'"seed": 0', b'"seed": ' + b"9" * 5_000),
        "infinite": as_json(note).replace(b'"seconds": 4.5', b'"seconds": 1e999'),
        "a prototype": as_json(note).replace(b"{", b'{"__proto__": {"ink": "dark"},', 1),
    }
    others |= {
        f"{name}: {value!r:.40}": as_json(note | {name: value})
        for name, value in (
            ("images", 999),  # 900 to train and 100 to validate
            ("classes", ["a" * 900, *"bcdefghij"]),
            ("classes", ["a\x1b[2J", *"bcdefghij"]),
            ("classes", ["e\u0301", *"bcdefghij"]),
            ("classes", ["", *"bcdefghij"]),
            ("dataset", "a\nb"),
            ("training_images", 3_000_000),
        )
    }
    files |= {name: (student.packed(network=content), of_the_note) for name, content in others.items()}
    files["a name of Windows"] = student.packed(network=as_json(note | {"name": "con"})), "con"
    unvalidated = as_json(note | {"images": None, "training_images": 1000, "validation_images": 0})
    files["figures of no validation"] = student.packed(network=unvalidated), "history.csv"
    text, history = members["spec.txt"], members["history.csv"]
    for name, content in {
        "Columns": b"Input:\nThreshold,1\nLayers:\nColumns,50,10\nOptimizer:\nParallelDelta,0.05\n1\n100\n",
        "least squares": b"Layers:\nFlatten\nDense,10,softmax\nOptimizer:\nLeastSquares\n1\n100\n",
    }.items():
        files[name] = student.packed(spec=content), "its text asks for"
    for name, content in {
        "a wrong text": text.replace(b"Dense", b"Dens"),
        "a text of other layers": text.replace(b"Conv,4", b"Conv,5"),
        "a text without weights": text.replace(b"BatchNorm", b"Dropout,0.1"),
        "another batch size": text.replace(b"\n100\n", b"\n10\n"),
        "a text that is none": b"\xff\0",
        "an endless text": text.replace(b"MaxPool,4,4", b"Repeat,1000000000:\n    Activation,relu"),
    }.items():
        files[name] = student.packed(spec=content), "its "
    for name, content in {
        "no history": b"",
        "columns of another table": history.replace(b"val_loss", b"loss"),
        "a row less": history[: history.index(b"\n3,") + 1],
        "rows in another order": history.replace(b"\n3,", b"\n2,"),
        "a short row": history.replace(b",0\n", b"\n"),
        "a history of infinite loss": history.replace(b",1.0,", b",inf,"),
        "a formula": history.replace(b",1.0,", b",=1+1,"),
    }.items():
        files[name] = student.packed(history=content), "history.csv"
    for name, value in {
        "accuracy": 7.5, "loss": -1.0, "val_loss": float("nan"), "seconds": 1e17, "learning_rate": -1e-3,
    }.items():  # fmt: skip
        odd = [replace(result, **{name: value}) for result in HISTORY]
        files[f"{name} of {value}"] = student.packed(history=history_csv(odd).encode()), f"{name} "
    weights = student.weights
    first, *rest = weights
    for name, arrays in {
        "weights of another shape": weights | {first: weights[first].reshape(-1)},
        "weights of another type": weights | {first: weights[first].astype(np.float64)},
        "one array less": {key: weights[key] for key in rest},
        "one array more": weights | {"more": weights[first]},
        "arrays in another order": dict(reversed(weights.items())),
        "a weight that is no number": weights | {first: np.full_like(weights[first], np.nan)},
        "an infinite weight": weights | {rest[-1]: np.full_like(weights[rest[-1]], np.inf)},
        "a pickle": weights | {first: np.array([{"a": 1}], dtype=object)},
    }.items():
        stream = io.BytesIO()
        np.savez(stream, allow_pickle=True, **arrays)
        files[name] = student.packed(weights=stream.getvalue()), ""
    return files


def _flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def _said_to_have(content: bytes, size: int) -> bytes:
    """A zip whose first member is said to be larger than the whole file."""
    place = content.index(b"network.json") + len(b"network.json") + 4
    return content[:place] + size.to_bytes(8, "little") * 2 + content[place + 16 :]


def _compressed(members: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()
