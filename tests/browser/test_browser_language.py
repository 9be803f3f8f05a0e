"""The language in a browser says what Python says, to the letter: specs, networks, tables and mistakes."""

import json
import re
from pathlib import Path
from string import ascii_letters
from textwrap import dedent

import pytest
from examples import most, slowly
from hostile_texts import GOOD, HOSTILE, HOSTILE_FOR_SECONDS, TEMPLATE
from hypothesis import example, given
from hypothesis import strategies as st
from language_data import READ, answer, plain
from random_specs import specs, texts

from MNIST.browser.table import METHODS, language_table
from MNIST.commands.check import describe_file
from MNIST.errors import nearest
from MNIST.language import (
    LAYERS,
    Layer,
    SpecError,
    as_text,
    asks_for_classes,
    canonical_text,
    fill_classes,
    nodes_as_written,
    parse_spec,
    statement_text,
)
from MNIST.language.grammar import arguments_of
from MNIST.language.layer import ACTIVATION
from MNIST.language.sections import SECTIONS
from MNIST.language.training_sections import LESSONS

ROOT = Path(__file__).parents[2]
MODELS = sorted((ROOT / "Models").glob("*.txt"))
FILES = [
    *MODELS,
    ROOT / "tests/certify/everything.txt",
    *sorted((ROOT / "tests/language/errors").glob("*.txt")),
    *sorted((ROOT / "tests/language/template_errors").glob("*.txt")),
]
TEXTS = [file.read_text(encoding="utf-8") for file in FILES]
MODULES = (
    "browser/language/language.js", "browser/language/layers.js", "browser/language/sections.js",
    "browser/language/grammar.js", "browser/language/numbers.js", "browser/language/similar.js",
)  # fmt: skip
some_classes = st.sampled_from((None, 10, 26))


@pytest.fixture(scope="module")
def page(modules):
    opened = modules(*MODULES)
    opened.evaluate("table => setLanguage(JSON.parse(table))", json.dumps(language_table()))
    return opened


def in_browser(page, expression, argument=None):
    """What an expression gives in the page. Numbers beyond 2^53 are those of JavaScript: floats."""

    def number(text):
        return int(text) if len(text) < 16 else float(text)

    return json.loads(page.evaluate(expression, argument), parse_int=number)


def compare(page, *cases):
    """Assert that both read cases of (text, source, classes) alike."""
    for case, found in zip(cases, in_browser(page, READ, [[*case] for case in cases]), strict=True):
        assert found == answer(*case)


def test_every_file_of_the_tests_and_every_model_is_read_alike(page):
    compare(
        page,
        *(
            (text, file.name, classes)
            for file, text in zip(FILES, TEXTS, strict=True)
            for classes in (None, 10, 26)
        ),
    )


@given(specs, some_classes)
@most(200)
def test_random_specs(page, spec, classes):
    text = canonical_text(spec)
    compare(page, (text, "a file", classes), (text.replace("\n", "\r\n"), "", None))


@given(texts, some_classes)
@most(400)
def test_random_texts(page, text, classes):
    compare(page, (text, "<text>", classes))


# Characters that matter to the language, or look as if they did; the last two take two units of JavaScript.
odd = st.sampled_from(
    [
        *" \t\r\n,=:#{}()+-.0e",
        *"\u00a0\uff0c\u2013\u200b\ufeff\x85\x1c\u2028\u202eéİſß漢\u0301",
        "\U0001d400",
        "\U0001f600",
    ]
)
pieces = st.one_of(odd, st.characters(), st.sampled_from(sorted({*re.findall(r"\w+", "\n".join(TEXTS))})))
edits = st.tuples(
    st.sampled_from(("insert", "replace", "delete", "swap", "copy", "indent")), st.floats(0, 1), pieces
)


def edited(text, edit):
    """A text with one change at a place, a proportion of its length."""
    kind, proportion, piece = edit
    place = round(proportion * len(text))
    if kind in ("insert", "replace", "delete"):
        middle = "" if kind == "delete" else piece
        return text[:place] + middle + text[place + (kind != "insert") :]
    lines = text.split("\n")
    number = text.count("\n", 0, place)
    if kind == "indent":
        lines[number] = " " * 4 * round(4 * proportion) + lines[number].lstrip()
    elif kind == "copy":
        lines.insert(number // 2, lines[number])
    else:
        lines[number], lines[number // 2] = lines[number // 2], lines[number]
    return "\n".join(lines)


@given(st.sampled_from(TEXTS), st.lists(edits, min_size=1, max_size=6), some_classes)
@most(600)
def test_texts_in_which_something_is_wrong(page, text, changes, classes):
    for change in changes:
        text = edited(text, change)
    compare(page, (text, "my net.txt", classes))


words_of_values = st.sampled_from(
    [
        "(",
        ")",
        "()",
        ",",
        "=",
        "{p}",
        "{ p\x1c}",
        "{\ufeffp}",
        "{",
        "}",
        "..",
        ":",
        "+",
        "a",
        "A",
        "0.1",
        "1e-1",
        "2",
        " ",
        "\t",
    ]
)


@given(st.lists(words_of_values, max_size=9).map("".join), st.booleans())
@most(400)
def test_values_of_an_exploration(page, values, has_inner):
    inner = "p=0.1,0.2\n" if has_inner else ""
    text = "Layers:\nFlatten\n{extra}\nDense,10,softmax\nOptimizer:\nAdam,0.1\n3\n10\nExplore:\nextra="
    compare(page, (f"{text}{values}\n{inner}", "t.txt", None))


numbers = st.from_regex(r"[+-]?[0-9]{0,3}\.?[0-9]{0,3}(e[+-]?[0-9]{1,2})?", fullmatch=True)
ranges = st.lists(numbers, min_size=1, max_size=4).map(":".join)


@given(
    st.sampled_from(("x", "x+y", "y", "classes")),
    st.lists(st.lists(ranges, max_size=2).map("+".join), max_size=4),
)
@example("x", ["-0:-0:-1", "0"])
@example("x", ["0:1e99:1e-99"])
@example("x", ["1:2:.30"])
@most(300)
def test_what_is_explored(page, names, values):
    text = TEMPLATE.replace("100\n", "{y}\n") + f"{names}={','.join(values)}\n"
    compare(page, (text, "<text>", None))


@pytest.mark.parametrize("name", [*HOSTILE, *slowly(HOSTILE_FOR_SECONDS)])
def test_hostile_texts(page, name):
    compare(page, ((HOSTILE | HOSTILE_FOR_SECONDS)[name], "<text>", 10))


@pytest.mark.parametrize(
    "layers",
    [
        "".join("  " * n + "Repeat,10000:\n" for n in range(60)) + "  " * 60 + "Flatten\n",
        "".join("  " * n + "Repeat,10000:\n" for n in range(9))
        + "  " * 9
        + "Repeat,0:\n"
        + "  " * 10
        + "Flatten\n",
        "Repeat,0:\n" + "".join("  " * n + "Repeat,10000:\n" for n in range(1, 9)) + "  " * 9 + "BatchNorm\n",
        "Repeat,4999:\n  Dropout,0.5\n  Dropout,0\n",
        "Pad,1000,1000\nConv,100000,1000,1000,relu\n",
        "Conv,25,1,1,relu\nPad,986,986\nConv,100000,1000,1000,relu\n",
        "Pad,1000,1000\nConv,20,900,900,relu,padding=same\nMaxPool,999,999\n",
        "Conv,12000,28,28,relu\nConv,80000,1,1,relu\n",
        "".join(" " * n + "Residual:\n" for n in range(1000)) + " " * 1000 + "Flatten\n",
        "Dense,10,softmax\n" * 101,
        f"Repeat,{2:030}:\n  BatchNorm\nRepeat,{2:031}:\n  BatchNorm\n",
    ],
)
def test_bombs(page, layers):
    compare(page, ("Layers:\n" + layers + GOOD.partition("\n")[2], "<text>", None))


def test_tables_of_check(page, tmp_path):
    """The rows and the lines below them; a row's empty cells are left out."""

    @given(specs)
    @example(parse_spec((ROOT / "tests/certify/everything.txt").read_text()))
    @most(150)
    def random_tables(spec):
        compare_tables(page, tmp_path / "model.txt", canonical_text(spec))

    random_tables()
    for text in TEXTS[: len(MODELS)]:
        if "{" not in fill_classes(text, 10):
            compare_tables(page, tmp_path / "model.txt", text)
    for plateau in "Plateau", "Plateau,delta=0", "Plateau,delta=1e6":
        remarks = f"Augment:\nRotate,91\nSchedule:\n{plateau}\nStop:\npatience=3\n"
        compare_tables(page, tmp_path / "model.txt", GOOD + remarks)


def compare_tables(page, file, text):
    file.write_text(text, encoding="utf-8")
    python = list(describe_file(file, None, 10))[2:]
    check = in_browser(page, "text => JSON.stringify(checkRows(parseSpec(text, { classes: 10 })))", text)
    shown = check["rows"]
    rows = [
        [f"{row['line'] or ''}", row["layer"], row["output"], row["parameters"], row["flops"]]
        for row in shown
    ]
    rows.append([check["layers"], check["parameters"], check["flops"]])
    table, below = python[: python.index("")], python[python.index("") + 1 :]
    expected = [re.split(" {2,}", line.strip()) for line in table[2:] if "───" not in line]
    assert [[cell for cell in row if cell] for row in rows] == expected
    assert check["training"] == [line.strip() for line in below if not line.startswith("  {classes}")]
    if "Repeat" not in text:
        roots = nodes_as_written(parse_spec(text, classes=10))
        assert [row["path"] for row in shown[1:]] == [node.path for root in roots for node in root.walk()]
        assert all(row["depth"] == row["path"].count(".") for row in shown[1:])


@given(st.floats(0, 1, exclude_max=True), st.integers(0, 10**17))
@example(2**-9, 125_000)
@example(5e-324, 375_000)
@example(0.9999999, 10**16 + 125_000)
@most(300)
def test_numbers_are_written_alike(page, proportion, whole):
    expected = [repr(proportion).removesuffix(".0"), f"{proportion:g}", f"{whole / 1e6:,.2f}", f"{whole:,}"]
    found = page.evaluate(
        "([x, n]) => [shortest(x), general(x), hundredths(Number(n) / 1e6), thousands(n)]",
        [proportion, str(whole)],
    )
    assert found == expected


@given(st.text(ascii_letters + "_0é", max_size=12), st.sampled_from((0.6, 0.7)))
@most(300)
def test_the_nearest_word(page, word, cutoff):
    known = [*LAYERS, *ACTIVATION.choices]
    found = page.evaluate("([word, known, cutoff]) => nearest(word, known, cutoff)", [word, known, cutoff])
    assert found == nearest(word, known, cutoff)


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xfe\x00",
        GOOD.encode() + b"\n# caf\xe9\n",
        GOOD.encode() + b"#\0",
        b"#\n#\xe2\x82\n",
        b"#" * 1_000_001,
        b"\xef\xbb\xbf" + GOOD.encode(),
    ],
)
def test_bytes_that_are_text_or_not(page, data):
    read = """text => {
        try {
            return asText(Uint8Array.from(text, (byte) => byte.charCodeAt(0)), "a/b.txt");
        } catch (error) {
            return error.message;
        }
    }"""
    try:
        expected = as_text(data, "a/b.txt")
    except SpecError as error:
        expected = str(error)
    assert page.evaluate(read, data.decode("latin-1")) == expected


def test_who_asks_for_classes(page):
    asked = [
        "Dense,{classes},softmax",
        "# {classes}",
        "a # {classes}\rb{ \x85classes\u3000}",
        "{class}",
        "{{classes}",
    ]
    assert page.evaluate("texts => texts.map(asksForClasses)", asked) == [*map(asks_for_classes, asked)]


def test_every_layer_has_its_methods_in_javascript_and_no_others(page):
    """A layer type that layers.js lacks fails here, and so does a method that only one of the two has."""

    def camel_case(name):
        first, *others = name.split("_")
        return first + "".join(map(str.title, others))

    written = page.evaluate(
        "Object.fromEntries(Object.entries(LAYERS).map(([name, own]) => [name, Object.keys(own)]))"
    )
    table = language_table()["layers"]
    assert {name: {*own} for name, own in written.items()} == {
        name: {camel_case(method) for method in table[name]["methods"]} for name in LAYERS
    }
    shared = {
        name for name, member in vars(Layer).items() if callable(member) or isinstance(member, property)
    }
    assert {*METHODS} == {name for name in shared if not name.startswith("_")}


def test_a_layer_type_is_one_dataclass_and_one_entry(page, monkeypatch):
    """As Model_Specification.md shows them."""
    document = (ROOT / "Model_Specification.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^   ```(python|javascript)\n(.*?)^   ```$", document, re.MULTILINE | re.DOTALL)
    python = next(text for language, text in blocks if language == "python")
    (javascript,) = (text for language, text in blocks if language == "javascript")
    names = {}
    exec(
        "from dataclasses import dataclass\n"
        "from MNIST.language.grammar import *\n"
        "from MNIST.language import *\n"
        "from MNIST.language.layer import Normal\n" + dedent(python),
        names,
    )
    table = language_table()
    monkeypatch.setitem(LAYERS, "GaussianDropout", names["GaussianDropout"])
    page.evaluate(
        f"table => {{ Object.assign(LAYERS, {{ {javascript} }}); setLanguage(table); }}", language_table()
    )
    rates = "0.25", "0", "1", "{x}"
    text = "Layers:\nGaussianDropout,{}\n" + GOOD.partition("\n")[2]
    compare(page, *((text.format(rate), "<text>", None) for rate in rates))
    page.evaluate("table => { delete LAYERS.GaussianDropout; setLanguage(table); }", table)


def test_every_section_and_kind_of_value_is_read_in_javascript(page):
    assert page.evaluate("Object.keys(SECTIONS)") == [*SECTIONS]
    table = language_table()
    lines = [
        line
        for group in ("layers", "inputs", "optimizers", "schedules", "augmentations")
        for line in table[group].values()
    ]
    arguments = [argument for line in [*lines, table["stop"]] for argument in line["arguments"]]
    kinds = {each["kind"]["kind"] for each in [*arguments, *table["settings"].values()]}
    assert kinds == {*page.evaluate("Object.keys(KINDS)")}


def test_everything_of_the_table_is_data():
    table = language_table()
    assert json.loads(json.dumps(table, allow_nan=False)) == table
    assert all(
        line["help"]
        for group in ("layers", "optimizers", "inputs", "schedules")
        for line in table[group].values()
    )


def test_help_for_a_line(page):
    text = "Layers:\n  conv,8,3,3,relu # a comment\nOptimizer:\n1e-3\nepochs = 3\nStop:\npatience=3\n\n"
    shown = [page.evaluate("([text, line]) => helpFor(text, line)", [text, line]) for line in range(1, 9)]
    names = [each and each["name"] for each in shown]
    assert names == ["Layers", "Conv", "Optimizer", "Adam", "epochs", "Stop", "Stop", None]
    conv = shown[1]
    assert conv["usage"] == "Conv,filters,rows,columns,activation"
    assert conv["lesson"] == LAYERS["Conv"].lesson
    assert [argument["name"] for argument in conv["arguments"]] == [
        each.name for each in arguments_of(LAYERS["Conv"])
    ]
    stride, padding = conv["arguments"][4:6]
    assert (stride["expects"], stride["default"]) == ("a whole number from 1 to 1,000", "1")
    assert "pads with zeros" in padding["help"]
    assert shown[4]["lesson"] == LESSONS["epochs"]


def test_help_for_numbers_without_keys(page):
    text = "Optimizer:\n0.001,1e-4\n5  # epochs\n\n1000\n7\nlabel_smoothing=0.1\n"
    text += "Optimizer:\nSGD,0.1\nbatch=3\n9\n"
    shown = [page.evaluate("([text, line]) => helpFor(text, line)", [text, line]) for line in range(2, 12)]
    names = [each and each["name"] for each in shown]
    assert names == [
        "Adam",
        "epochs",
        None,
        "batch",
        None,
        "label_smoothing",
        "Optimizer",
        "SGD",
        "batch",
        "epochs",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Layers:\nCo|", (1, 3, ["Conv", "Columns"])),
        ("Layers:\nco|nv,8", (1, 5, ["Conv", "Columns"])),
        ("Layers:\nConv,8,3,3,re|", (12, 14, ["relu"])),
        ("Layers:\nDense,8,relu,|", (14, 14, ["init="])),
        ("Layers:\nDense,8,relu, init = he_n|", (22, 26, ["he_normal"])),
        ("Layers:\nDropout,0.5\nAc # Ac|", (8, 8, [])),
        ("Layers:\n    Parallel:\n        |", (9, 9, ["Path"])),
        ("Layers:\n    Parallel:\n        Path:\n            Fl|", (13, 15, ["Flatten"])),
        ("Layers:\nFlatten\nSt|", (1, 3, ["Stop:"])),
        ("Layers:\nOptimizer:\nA|", (1, 2, ["Adam", "AdamW", "Adagrad", "Augment:"])),
        ("Optimizer:\nAdam,1\nep|", (1, 3, ["epochs="])),
        ("Optimizer:\nSGD,1,nesterov=|", (16, 16, ["yes", "true", "no", "false"])),
        ("Stop:\nmonitor=loss,pa|", (14, 16, ["patience="])),
        ("Stop:\nmonitor=a|", (9, 10, ["accuracy"])),
        ("😀|", (1, 2, [])),
        ("|", (1, 1, [f"{name}:" for name in (*SECTIONS, "Explore")])),
        ("Layers:\nconstructor,|", (13, 13, [])),
    ],
)
def test_completions(page, text, expected):
    before = text.partition("|")[0]
    place = before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1
    found = page.evaluate(
        "([text, line, column]) => completions(text, line, column)", [text.replace("|", ""), *place]
    )
    assert (found["from"], found["to"], [option["text"] for option in found["options"]]) == expected


@given(st.sampled_from(TEXTS), st.lists(edits, max_size=3), st.integers(1, 60), st.integers(1, 80))
@most(200)
def test_help_is_there_for_any_text(page, text, changes, line, column):
    for change in changes:
        text = edited(text, change)
    found = page.evaluate(
        "([text, line, column]) => [completions(text, line, column), helpFor(text, line)]",
        [text, line, column],
    )
    assert 1 <= found[0]["from"] <= found[0]["to"]


def test_statements_are_written_alike(page):
    @given(specs)
    @most(50)
    def random_statements(spec):
        values = [*spec.layers, spec.optimizer, spec.schedule, *spec.augment, *spec.input]
        found = page.evaluate(
            "values => values.map((one) => [statementText(one), statementText(one, { defaults: false })])",
            [plain(value) for value in values],
        )
        assert found == [[statement_text(value), statement_text(value, False)] for value in values]

    random_statements()
