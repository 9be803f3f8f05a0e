"""Pictures of networks: valid, of bounded size, the same each time, and no words lie on others."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
from examples import most, slowly
from hypothesis import given
from random_specs import specs

from MNIST.architecture import architecture_svg
from MNIST.architecture.parts import MOST_DRAWN, Box, Branches, Group, Mark, More, Skip, parts_of
from MNIST.architecture.svg import width_of
from MNIST.language import nodes_as_written, parse_spec, read_spec

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = sorted({path.stem for path in (ROOT / "Models").glob("*.txt")} - {"explore", "experiments"})
QUICK = ("googlenet", "lenet5", "resnet20")
SVG = "{http://www.w3.org/2000/svg}"
END = "Flatten\nDense,10,softmax\nOptimizer:\n0.001\n1\n100\n"
LONGEST = 250_000  # characters

# Pairs of words that cover each other by more than a hair; and words that leave the picture.
OVERLAPS = """() => {
    const texts = [...document.querySelectorAll("svg text")];
    const words = texts.map((each) => [each.textContent, each.getBoundingClientRect()]);
    const sheet = document.querySelector("svg").getBoundingClientRect();
    const leaves = (box) => box.right > sheet.right || box.bottom > sheet.bottom || box.left < sheet.left;
    const found = words.filter(([, box]) => leaves(box));
    for (const [first, a] of words)
        for (const [second, b] of words) {
            const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
            const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
            if (a !== b && width > 0.5 && height > 2.5) found.push([first, second]);
        }
    return found;
}"""


def picture_of(text: str) -> tuple[str, ElementTree.Element]:
    svg = architecture_svg(parse_spec(text), "net")
    return svg, ElementTree.fromstring(svg)


def texts(tree: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in tree.iter(f"{SVG}text")]


def test_boxes_are_in_proportion():
    layers = "Conv,16,3,3,relu,padding=same\nMaxPool,2,2\n"
    _, tree = picture_of(f"Layers:\n{layers}{END}")
    _, conv, pool, flat, dense = [
        {name: float(front.get(name)) for name in ("width", "height")}
        for front in tree.iter(f"{SVG}rect")
        if front.get("class") == "front"
    ]
    assert conv["height"] == pytest.approx(2 * pool["height"], abs=0.1)
    assert conv["width"] == pool["width"] > flat["width"]
    assert flat["height"] > dense["height"]
    shown = texts(tree)
    assert shown[:2] == ["net", "4 layers · 31,530 parameters · 0.29 MFLOPs"]
    assert shown[4:8] == ["Conv", "3×3, relu", "28×28×16", "160"]


def test_blocks_are_seen_as_what_they_are():
    text = """Layers:
Parallel:
    Path:
        Repeat,0:
            Flatten
    Path:
        Conv,3,1,1,linear
        Dropout,0.25
Repeat,3:
    Residual:
        Conv,8,3,3,relu,padding=same
"""
    spec = parse_spec(text + END)
    parts = parts_of(spec, nodes_as_written(spec))
    assert [type(part) for part in parts] == [Box, Branches, Box, Skip, Group, Box, Box]
    _, branches, joined, first, others, *_ = parts
    assert [len(path) for path in branches.paths] == [0, 2]
    assert [type(part) for part in branches.paths[1]] == [Box, Mark]
    assert joined.shape == (28, 28, 4)
    assert first.about == "Conv 1×1, 32"  # only the first round has other channels
    assert others.times == 2
    assert others.parts[0].about == ""
    _, tree = picture_of(text + END)
    assert "× 2" in texts(tree)
    described = tree.find(f"{SVG}desc").text
    assert "side by side (unchanged) and (Conv 1×1 to 28×28×3; Dropout 0.25); Joined to 28×28×4" in described
    assert "2 times ((Conv 3×3, relu to 28×28×8) plus its input)" in described


@pytest.mark.parametrize("name", [*QUICK, *slowly(name for name in SHIPPED if name not in QUICK)])
def test_no_words_lie_on_others(name, chromium):
    svg = architecture_svg(read_spec(ROOT / "Models" / f"{name}.txt", 10), name)
    page = chromium.new_page()
    page.set_content(svg)
    assert page.evaluate(OVERLAPS) == []
    page.close()


def test_words_are_at_most_as_wide_as_they_are_taken_for(chromium):
    words = ["LocalResponseNorm", "16,781,312", "28×28×64", "11×11/2, leaky_relu", "Conv 1×1/2, 2,048"]
    page = chromium.new_page()
    for size in (10, 11):
        for text in words:
            weight = "bold" if size == 11 else "normal"
            page.set_content(f'<span style="font:{weight} {size}px sans-serif">{text}</span>')
            width = page.evaluate("document.querySelector('span').getBoundingClientRect().width")
            assert width <= width_of(text, 12 if size == 11 else 10)
    page.close()


def test_the_ink_follows_the_page(chromium):
    svg = architecture_svg(read_spec(ROOT / "Models" / "mlp.txt"), "mlp")
    colours = []
    for scheme in ("light", "dark"):
        page = chromium.new_page(color_scheme=scheme)
        page.set_content(svg)
        colours.append(page.evaluate("getComputedStyle(document.querySelector('text')).fill"))
        page.close()
    assert colours == ["rgb(31, 35, 40)", "rgb(230, 237, 243)"]


@most(100)
@given(specs)
def test_a_picture_of_any_network_is_valid_and_the_same_each_time(spec):
    svg = architecture_svg(spec, "net")
    assert svg == architecture_svg(spec, "net")
    tree = ElementTree.fromstring(svg)
    assert tree.find(f"{SVG}title").text == "net"
    assert len(svg) < LONGEST


@pytest.mark.parametrize(
    "layers",
    [
        "Repeat,9000:\n    Conv,1,1,1,relu\n",
        "".join("  " * level + "Repeat,2:\n" for level in range(12)) + "  " * 12 + "Conv,1,1,1,relu\n",
        "".join("  " * level + "Residual:\n" for level in range(62)) + "  " * 62 + "Conv,1,1,1,relu\n",
        "Conv,1,1,1,relu\nDropout,0.5\n" * 2_000,
        "Parallel:\n" + "    Path:\n        Conv,1,1,1,relu\n" * 2_000,
        "Residual:\n    Repeat,0:\n        Flatten\n" * 5_000,
        "Pad,1000,1000\nPad,1000,1000\nMaxPool,900,900\n",
    ],
    ids=["repeated", "repeats", "deep", "long", "paths", "empty", "large"],
)
def test_hostile_files_give_a_picture_of_bounded_size(layers):
    spec = parse_spec(f"Layers:\n{layers}{END}")
    svg = architecture_svg(spec, "net")
    tree = ElementTree.fromstring(svg)
    assert len(svg) < LONGEST
    assert float(tree.get("width")) < 20_000
    assert float(tree.get("height")) < 20_000
    cut = More() in parts_of(spec, nodes_as_written(spec)) or "…" in texts(tree)
    assert cut == (f"only the first {MOST_DRAWN} layers and blocks are drawn" in svg)


def test_a_hostile_name_stays_text():
    spec = read_spec(ROOT / "Models" / "mlp.txt")
    name = "</title><script>&\"'\x00\x1b\ud800" + "x" * 1_000
    svg = architecture_svg(spec, name)
    tree = ElementTree.fromstring(svg.encode())
    shown = tree.find(f"{SVG}title").text
    assert shown == ("</title><script>&\"'\ufffd\ufffd\ufffd" + "x" * 1_000)[:59] + "…"
    assert "<script" not in svg
    assert texts(tree)[0] == shown


@pytest.mark.parametrize("name", ["example_model", "resnet20"])
def test_the_pictures_in_the_guides_are_what_draw_writes(name):
    spec = read_spec(ROOT / "Models" / f"{name}.txt", 10)
    assert (ROOT / "docs" / f"{name}.svg").read_text(encoding="utf-8") == architecture_svg(spec, name)
