"""Every file in errors/ and template_errors/ has mistakes; the file beside it has the exact error text."""

import os
import pickle
from pathlib import Path

import pytest
from examples import slowly
from hostile_texts import GOOD, HOSTILE, HOSTILE_FOR_SECONDS

from MNIST.language import SpecError, parse_spec, parse_template, read_spec, read_text
from MNIST.language.errors import MOST_PROBLEMS

PAIRS = sorted((Path(__file__).parent / "errors").glob("*.txt"))
TEMPLATES = sorted((Path(__file__).parent / "template_errors").glob("*.txt"))


@pytest.mark.parametrize("file", PAIRS, ids=lambda file: file.stem)
def test_errors_are_said_exactly_so(file: Path) -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec(read_text(file), file.name)
    assert str(caught.value) + "\n" == file.with_suffix(".expected").read_text(encoding="utf-8")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.stem)
def test_errors_of_templates_are_said_exactly_so(file: Path) -> None:
    with pytest.raises(SpecError) as caught:
        parse_template(read_text(file), file.name).check_values()
    assert str(caught.value) + "\n" == file.with_suffix(".expected").read_text(encoding="utf-8")
    assert not caught.value.only_shapes


def test_a_problem_says_where_it_is() -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec(GOOD.replace("Dense,10,softmax", "Dense,10,sotfmax"))
    (problem,) = caught.value.problems
    assert (problem.line, problem.column, problem.length) == (3, 10, 7)
    assert problem.message == "unknown activation 'sotfmax'; did you mean 'softmax'?"


@pytest.mark.parametrize(
    ("mistake", "only_shapes"),
    [
        (("Flatten", "MaxPool,40,40\nFlatten"), True),
        (("Flatten\n", ""), True),
        (("Dense,10", "Dense,1001"), True),
        (("Dense,10", "Dense,1000000,relu\nDense,9999,relu\nDense,10"), True),
        (("Flatten", "Repeat,10000:\n    Repeat,2:\n        Dropout,0.5\nFlatten"), True),
        (("Flatten", "MaxPool,40,40\nFlatten\nDropout,2"), False),
        (("0.001", "abc"), False),
        (("Dense,10", "Dense,0"), False),
        (("softmax", "sotfmax"), False),
        (("5\n", ""), False),
    ],
)
def test_shapes_are_told_from_values(mistake: tuple[str, str], only_shapes: bool) -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec(GOOD.replace(*mistake, 1))
    assert caught.value.only_shapes == only_shapes
    assert pickle.loads(pickle.dumps(caught.value)).only_shapes == only_shapes


def test_a_hundred_layers_that_do_not_fit_are_shapes_too() -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec(GOOD.replace("Dense,10", "Dense,10,softmax\n" * MOST_PROBLEMS + "Dense,10"))
    assert "stopped after" in str(caught.value)
    assert caught.value.only_shapes


def test_errors_travel_between_processes() -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec("Layers:\n")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_long_lines_are_shown_around_the_mistake() -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec("Layers:\nConv," + " " * 500 + "0,3,3,relu" + " " * 500 + "\n" + GOOD.partition("\n")[2])
    message, source, carets = str(caught.value).split("\n")
    assert message.endswith("found '0'")
    assert max(len(source), len(carets)) <= 104
    assert source[carets.index("^")] == "0"


def test_control_characters_never_reach_the_terminal() -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec("Layers:\n\x1b[31mDense\x07,10,\u202esoftmax\n")
    assert not set(str(caught.value)) & set("\x1b\x07\u202e")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "there is nothing in it"),
        (b"\xff\xfe\x00", "not a text file in UTF-8"),
        (GOOD.encode() + b"\n# caf\xe9\n", "a byte of line 9 is no character"),
        (GOOD.encode() + b"#\0", "line 8 has a NUL character"),
        (b"#" * 1_000_001, "at most 1,000,000 bytes"),
    ],
)
def test_files_that_are_no_text(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "model.txt"
    file.write_bytes(content)
    with pytest.raises(SpecError, match=message) as caught:
        read_spec(file)
    assert str(caught.value).startswith(str(file))


def test_things_that_are_no_files(tmp_path: Path) -> None:
    if hasattr(os, "mkfifo"):  # Windows has none
        os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "nothing", Path("/dev/zero"), Path("a\0b")):
        with pytest.raises(SpecError):
            read_text(path)


def test_a_byte_order_mark_and_windows_line_ends_are_welcome(tmp_path: Path) -> None:
    file = tmp_path / "model.txt"
    file.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert read_spec(file) == parse_spec(GOOD) == parse_spec("\ufeff" + GOOD.replace("\n", "\r"))


def test_thousandfold_nesting_is_one_mistake() -> None:
    nested = "".join(" " * depth + "Residual:\n" for depth in range(1, 1001))
    with pytest.raises(SpecError, match="nested more than 64 deep") as caught:
        parse_spec("Layers:\n" + nested + " " * 1001 + "Flatten\n")
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize("name", [*HOSTILE, *slowly(HOSTILE_FOR_SECONDS)])
def test_hostile_text_is_refused_quickly(name: str) -> None:
    text = (HOSTILE | HOSTILE_FOR_SECONDS)[name]
    for parse in (parse_spec, parse_template):
        with pytest.raises(SpecError) as caught:
            parse(text)
        assert len(caught.value.problems) <= MOST_PROBLEMS + 1
        assert len(str(caught.value)) < 100_000


@pytest.mark.parametrize(
    ("line", "message", "column"),
    [
        ("Dense\uff0c10,softmax", "expected ',', found the character FULLWIDTH COMMA (U+FF0C)", 6),
        ("\u00a0Dense,10,softmax", "expected a space, found the character NO-BREAK SPACE (U+00A0)", 1),
        ("Dense,10,soft\u200bmax", "expected nothing, found the character ZERO WIDTH SPACE (U+200B)", 14),
        ("Dense,1\u2212,softmax", "expected '-', found the character MINUS SIGN (U+2212)", 8),
        ("Dense,\uff11\uff10,softmax", "expected '1', found the character FULLWIDTH DIGIT ONE (U+FF11)", 7),
    ],
)
def test_a_character_that_only_looks_right_is_named(line: str, message: str, column: int) -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec(GOOD.replace("Dense,10,softmax", line))
    found = [(problem.message, problem.line, problem.column) for problem in caught.value.problems]
    assert (message, 3, column) in found


def test_a_comment_may_have_any_characters() -> None:
    assert parse_spec(GOOD.replace("Flatten", "Flatten  # caf\u00e9\u00a0\u2013\uff0c")) == parse_spec(GOOD)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("15_nbsp_silent", ["line 4: expected a space, found the character NO-BREAK SPACE"]),
        ("15_nbsp", ["line 3: expected a space, found the character NO-BREAK SPACE"]),
        ("15_fullwidth", ["line 2: expected ',', found the character FULLWIDTH COMMA"]),
        ("15_dashes", ["line 7: expected '-', found the character EN DASH"]),
        (
            "16_from_keras",
            [
                "'Input'; leave the line out", "'Conv2D'; did you mean 'Conv'?", "did you mean 'BatchNorm'?",
                "write 'Activation,leaky_relu'", "did you mean 'MaxPool'?", "did you mean 'GlobalAvgPool'?",
                "Dense takes 2 values", "write 'Activation,softmax'", "there is none; 'Adam,rate'",
            ],
        ),
    ],
)  # fmt: skip
def test_what_people_wrote_elsewhere_gets_the_hint_that_helps(
    name: str, parts: list[str], public_cases: Path
) -> None:
    with pytest.raises(SpecError) as caught:
        read_spec(public_cases / f"{name}.txt")
    for part in parts:
        assert part in str(caught.value)


def test_label_smoothing_is_refused_wherever_it_stands_beside_votes() -> None:
    votes = "Input:\nThreshold,1\nLayers:\nColumns,6,4\nOptimizer:\n{}\n1\n50\n"
    rule, smoothing = "ParallelDelta,0.05", "label_smoothing=0.1"
    for lines in (f"{rule}\n{smoothing}", f"{smoothing}\n{rule}"):
        with pytest.raises(SpecError, match="which label_smoothing changes"):
            parse_spec(votes.format(lines))


def test_the_head_of_a_section_among_the_layers_is_no_layer_of_others() -> None:
    with pytest.raises(SpecError, match="unknown layer 'Input'; a section begins at the left margin"):
        parse_spec(GOOD.replace("Flatten\n", "Repeat,2:\n    Input:\n        Flatten\n"))
