"""Each function of the page's scripts by itself; a list of all functions shows that none lacks a test."""

import re
from pathlib import Path

import numpy as np
import pytest
from web_pages import watched_page

import MNIST.page
from MNIST.report.percentages import probability_text
from MNIST.report.templates import fill

FOLDER = Path(MNIST.page.__file__).parent
DRAWING = "colours", "picture", "drawing", "maps", "bars"
ON_PAGE = *(f"../browser/drawing/{name}.js" for name in DRAWING), "cards.js", "votes.js", "page.js"
IN_WORKER = "../browser/base64.js", "worker.js"

# Calls of each function: a JavaScript expression, and the value that it must have.
CASES = {
    # worker.js
    "meanOf": [("meanOf([1, 2, 6])", 3)],
    "firstMaps": [
        (
            "(({ values, ...rest }) => ({ ...rest, values: values.map((map) => [...map]) }))"
            "(firstMaps({ text: 'Conv', shape: [1, 2, 2], values: [1, 2, 3, 4] }))",
            {"text": "Conv", "shape": [1, 2], "channels": 2, "values": [[1, 3], [2, 4]]},
        ),
        ("firstMaps({ text: '', shape: [1, 1, 20], values: new Float32Array(20) }).values.length", 16),
    ],
    "readWeights": [
        (
            """(({ half, full }) => [[...half], [...full]])(readWeights({
                half: { type: 'float16', at: 0, count: 2 }, full: { type: 'float32', at: 4, count: 1 } },
                new Uint8Array([0, 60, 0, 192, 0, 0, 128, 62])))""",
            [[1, -2], [0.25]],
        )
    ],
    # picture.js
    "cropped": [
        (
            "(({ ink, rows, columns }) => [[...ink], rows, columns])"
            "(cropped(Float32Array.of(0, 0, 0, 0, 1, 0.5, 0, 0, 0, 0, 0.2, 0), 3, 4))",
            [[1, 0.5, 0, 0, 0, pytest.approx(0.2)], 2, 3],
        ),
        ("cropped(new Float32Array(6), 2, 3)", None),
    ],
    "scaled": [
        (
            "(({ digit, height, width }) => [[...digit], height, width])"
            "(scaled({ ink: new Float32Array(400).fill(0.5), rows: 40, columns: 10 }))",
            [[255] * 100, 20, 5],
        )
    ],
    "whole": [("[...new Set(whole(new Float32Array(56 * 56).fill(0.5), 56, 56))]", [128])],
    "resized": [("[...resized(Float32Array.of(0, 1, 0, 1), [2, 2], [1, 2])]", [0, 1])],
    "weights": [
        ("weights(4, 2)", [[[0, 0.5], [1, 0.5]], [[2, 0.5], [3, 0.5]]]),
        ("weights(1, 2)", [[[0, 1]], [[0, 1]]]),
        ("weights(2, 4)[1]", [[0, 0.75], [1, 0.25]]),
    ],
    "offset": [("offset([1])", 14), ("offset([...Array(19).fill(0), 1])", 0), ("offset([1, 1, 1])", 13)],
    # drawing.js
    "move": [
        (
            "(() => { const pen = { at: [140, 70] }; move(pen, new Set(['ArrowLeft', 'ArrowDown'])); "
            "return pen.at; })()",
            [133, 77],
        ),
        (
            "(() => { const pen = { at: [14, 70] }; move(pen, new Set(['ArrowLeft'])); return pen.at; })()",
            [12, 70],
        ),
    ],
    "placeOf": [
        (
            "placeOf({ clientX: 60, clientY: 20 }, "
            "{ getBoundingClientRect: () => ({ left: 10, top: 20, width: 140 }) })",
            [100, 0],
        )
    ],
    "sheet": [
        (
            "((canvas) => { const context = sheet(canvas, 30); "
            "return [canvas.width, canvas.height, context.canvas === canvas]; })"
            "(document.createElement('canvas'))",
            [30, 30, True],
        )
    ],
    "ink": [
        (
            "((found) => [found.length, found[140 * 280 + 140], found[0]])"
            "(ink(sheet(document.createElement('canvas'), 280), [[[140, 140]]]))",
            [280 * 280, 1, 0],
        ),
        ("ink(sheet(document.createElement('canvas'), 280), []).some((shade) => shade > 0)", False),
    ],
    "paint": [
        (
            "((context) => { paint(context, [[[28, 140], [252, 140]]], 28); "
            "return [4, 14, 24].map((x) => context.getImageData(x, 14, 1, 1).data[3])"
            ".concat(context.getImageData(14, 2, 1, 1).data[3]); })"
            "(sheet(document.createElement('canvas'), 28))",
            [255, 255, 255, 0],
        )
    ],
    "paintPen": [
        (
            f"((context) => {{ paintPen(context, {{ at: [140, 140], isDown: {is_down} }}); "
            "return [140, 152].map((x) => context.getImageData(x, 140, 1, 1).data[3]); })"
            "(sheet(document.body.appendChild(document.createElement('canvas')), 280))",
            [inside, 255],
        )
        for is_down, inside in (("false", 0), ("true", 255))
    ],
    # votes.js
    "inVotes": [
        ("inVotes([null, null])", ""),
        ("inVotes(['3', '3'])", "Both say 3"),
        ("inVotes(['3', '3', '3'])", "All 3 say 3"),
        ("inVotes(['5', '3', '5', '8', '5', '3'])", "3 of 6 say 5, 2 say 3, 1 says 8"),
        ("inVotes(['Coat', null])", "1 of 2 says Coat, 1 has no answer"),
        ("inVotes([null, '1', null])", "1 of 3 says 1, 2 have no answer"),
    ],
    "says": [("[says(1), says(2)]", ["says", "say"])],
    # cards.js
    "rgb": [("rgb('--negative')", [213, 94, 0])],
    "inPercent": [
        *(
            (f"inPercent({value})", probability_text(value).replace(" ", "\u00a0"))
            for value in (0, 0.0009, 0.001, 0.5, 0.98765, 0.9949, 0.99994, 0.99996, 1)
        )
    ],
    "mega": [("mega(1234567)", "1.2"), ("mega(350)", "0.00035"), ("mega(205880064)", "210")],
    "classesWithBars": [
        ("classesWithBars([0.1, 0.6, 0.3])", [0, 1, 2]),
        ("classesWithBars(Array.from({ length: 20 }, (_, place) => place))", list(range(19, 7, -1))),
    ],
    "likeliest": [("likeliest([0.1, 0.5, 0.1, 0.3], 3)", [1, 3, 0])],
    "addBar": [
        (
            """(() => {
                const bars = document.createElement('ol');
                const bar = addBar(bars, 7);
                const seen = () => [bars.textContent, bars.querySelector('.bar').style.transform,
                    bars.firstChild.className];
                bar.show(0.5, true);
                const first = seen();
                bar.show(null);
                const waits = seen();
                bar.show(0.25, false, 'star');
                return [first, waits, seen()];
            })()""",
            [
                ["750.0\u00a0%", "scaleX(0.5)", "first"],
                ["7", "scaleX(0)", ""],
                ["star25.0\u00a0%", "scaleX(0.25)", ""],
            ],
        )
    ],
    "addLayer": [
        (
            "((layers) => [addLayer(layers) === layers.lastChild, layers.innerHTML])"
            "(document.createElement('div'))",
            [
                True,
                "<figure><figcaption><code></code><span></span></figcaption><canvas></canvas></figure>",
            ],
        )
    ],
    "addCard": [
        (
            """(() => {
                const classes = [...'0123456789'];
                const network = { parameters: 1234, flops: 2e6, maps: ['conv_1'], classes };
                const parent = document.getElementById('cards');
                const card = addCard(parent, 'net', [network]);
                const text = (name) => parent.lastElementChild.querySelector(name).textContent;
                card.show({ probabilities: [0.2, 0.8, 0, 0, 0, 0, 0, 0, 0, 0], milliseconds: 3.4, maps: [] });
                const answers = () => [text('.digit'), card.inWords(), card.answer()];
                const shown = [text('.work'), card.wantsMaps(), ...answers()];
                card.wait('loading');
                return [text('.name'), text('.size'), ...shown, ...answers()];
            })()""",
            [
                *("net", "1,234 parameters", "2 MFLOPs in 3 ms", False, "1", "net: 1, 80.0\u00a0%", "1"),
                *("?", "net: ?, loading", None),
            ],
        ),
        (
            """(() => {
                const network = { parameters: 600, flops: 2e6, maps: ['conv_1'], classes: ['a', 'b'] };
                const parent = document.getElementById('cards');
                addCard(parent, 'x+y', [network, network]).wait('draw');
                const [size, work, maps] = ['.size', '.work', 'details'].map((name) =>
                    parent.lastElementChild.querySelector(name));
                return [size.textContent, work.textContent, maps.hidden];
            })()""",
            ["2 networks, 1,200 parameters", "4 MFLOPs", True],
        ),
    ],
}

# Functions that other tests compare with the numpy engine or with Python, or use on the page.
ELSEWHERE = {
    "test_page_engine.py::test_every_layer_and_input_step": ("start",),
    "test_page_picture.py::test_the_page_sees_what_python_sees": ("centred",),
    "test_page_in_use.py::test_the_maps_are_those_of_the_layer": (
        "paintLayer",
        "paintMaps",
        "answer",
        "mapsOf",
    ),
    "test_page_in_use.py::test_a_drawn_stroke_is_answered_by_every_network": (
        *("drawingOn", "look", "startCard", "showSeen", "textOf"),
    ),
    "test_page_in_use.py::test_of_many_networks_the_votes_are_shown_and_spoken": ("count", "showCards"),
    "test_page_in_use.py::test_each_network_sees_a_drawing_in_its_form_and_polarity": ("asLearned",),
    "test_page_functions.py::test_float16_is_that_of_numpy": ("float16", "float16s"),
    "test_page_functions.py::test_base64_is_read_in_old_browsers_too": ("fromBase64",),
    "test_page_functions.py::test_a_worker_is_asked_and_its_error_is_raised": ("asked",),
}


def _source(names) -> str:
    """Scripts joined to one, modules without their imports and exports: so all names are global."""
    text = "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in names)
    return re.sub(r"^(?:import .*;\n|export )", "", text, flags=re.MULTILINE)


def _functions(name: str) -> list[str]:
    """The functions that a script declares at its top level."""
    declared = r"^(?:async )?function (\w+)\(|^const (\w+) = (?:async )?\("
    return [one or other for one, other in re.findall(declared, _source([name]), re.MULTILINE)]


@pytest.fixture(scope="module")
def in_worker(chromium):
    """An empty page with the scripts of a network's worker."""
    with watched_page(chromium) as page:
        page.add_script_tag(content=_source(IN_WORKER))
        yield page


@pytest.fixture(scope="module")
def on_page(chromium):
    """The page's markup, style and scripts, but for the one that puts networks on it."""
    style = _source(["page.css"])
    empty = fill(
        "page/page.html",
        title="",
        style=style,
        cards=[],
        networks=[],
        table={},
        kernels={},
        numbers=[],
        worker="",
        script="",
    )
    with watched_page(chromium) as page:
        page.set_content(empty)
        page.add_script_tag(content=_source(name for name in ON_PAGE if name != "page.js"))
        yield page


def _cases(scripts) -> list:
    functions = [name for script in scripts for name in _functions(script)]
    cases = [(name, number) for name in functions for number in range(len(CASES.get(name, ())))]
    return [pytest.param(*CASES[name][number], id=f"{name}-{number}") for name, number in cases]


@pytest.mark.parametrize(("call", "expected"), _cases(IN_WORKER))
def test_a_function_of_a_worker(call, expected, in_worker):
    assert in_worker.evaluate(call) == expected


@pytest.mark.parametrize(("call", "expected"), _cases(ON_PAGE))
def test_a_function_of_the_page(call, expected, on_page):
    assert on_page.evaluate(call) == expected


def test_float16_is_that_of_numpy(in_worker):
    found = in_worker.evaluate("[...float16s(Uint16Array.from({ length: 65536 }, (_, bits) => bits).buffer)]")
    expected = np.arange(65536, dtype=np.uint16).view(np.float16).astype(np.float64)
    finite = np.isfinite(expected)  # numbers.py writes only finite numbers
    assert np.array_equal(np.array(found)[finite], expected[finite])
    assert finite.sum() == 2 * 31 * 1024


def test_base64_is_read_in_old_browsers_too(in_worker):
    read = "[...fromBase64('AAH/gA==')]"
    assert in_worker.evaluate(read) == [0, 1, 255, 128]
    lacking = "const own = Uint8Array.fromBase64; Uint8Array.fromBase64 = undefined; const found = "
    again = f"(() => {{ {lacking}{read}; Uint8Array.fromBase64 = own; return found; }})()"
    assert in_worker.evaluate(again) == [0, 1, 255, 128]


def test_a_worker_is_asked_and_its_error_is_raised(browser_page):
    (asked,) = re.findall(r"^function asked\(.*?^}", _source(["page.js"]), re.MULTILINE | re.DOTALL)
    browser_page.add_script_tag(content=asked)
    worker = "{ postMessage(message) { %s } }"
    answers = worker % "this.onmessage({ data: message + 1 });"
    fails = worker % "this.onerror(new ErrorEvent('error', { message: 'broken' }));"
    assert browser_page.evaluate(f"asked({answers}, 1)") == 2
    assert browser_page.evaluate(f"asked({fails}, 1).catch((error) => error.message)") == "broken"


def test_every_function_has_a_test():
    declared = {name for script in (*IN_WORKER, *ON_PAGE) for name in _functions(script)}
    here = [name for name, cases in CASES.items() if all(name in call for call, _ in cases)]
    elsewhere = [name for names in ELSEWHERE.values() for name in names]
    assert sorted([*here, *elsewhere]) == sorted(declared)
    for test in ELSEWHERE:
        file, name = test.split("::")
        assert re.search(rf"^def {name}\(", (Path(__file__).parent / file).read_text(), re.MULTILINE), test
