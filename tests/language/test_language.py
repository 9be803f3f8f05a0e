"""Laws of the model language that hold for every text and every spec."""

from collections.abc import Callable
from pathlib import Path

from examples import most
from hypothesis import given
from hypothesis import strategies as st
from random_specs import specs, texts, words

from MNIST.language import (
    ModelSpec,
    SpecError,
    canonical_text,
    lay_out,
    parse_spec,
    parse_template,
    read_text,
    simplify,
)

SHIPPED = sorted((Path(__file__).parents[2] / "Models").glob("*.txt"))
(EXPLORE,) = (parse_template(read_text(path)) for path in SHIPPED if path.stem == "explore")
many = most(300)


@given(specs)
@many
def test_canonical_text_parses_to_its_spec(spec: ModelSpec) -> None:
    text = canonical_text(spec)
    assert parse_spec(text) == spec
    assert hash(parse_spec(text)) == hash(spec)
    assert canonical_text(parse_spec(text)) == text


@given(specs)
@many
def test_simplify_keeps_the_network(spec: ModelSpec) -> None:
    simple = simplify(spec)
    assert simplify(simple) == simple
    assert parse_spec(canonical_text(simple)) == simple
    before, after = lay_out(spec), lay_out(simple)
    assert (before.parameters, before.flops) == (after.parameters, after.flops)
    shapes = [[p.shape for node in net.walk() for p in node.parameters] for net in (before, after)]
    assert shapes[0] == shapes[1]


@given(st.fixed_dictionaries(dict.fromkeys(EXPLORE.names, words)))
@many
def test_any_filling_is_a_spec_or_a_spec_error(values: dict[str, str]) -> None:
    shown = said(lambda text: EXPLORE.fill(values), "")
    assert not shown or "with {" in shown or "there is no value for {" in shown


def said(parse: Callable[[str], object], text: str) -> str:
    """The error that a text causes, or nothing."""
    try:
        parse(text)
    except SpecError as error:
        return str(error)
    return ""


@given(texts)
@most(1000)
def test_any_text_is_a_spec_or_a_spec_error(text: str) -> None:
    for parse in (parse_spec, parse_template):
        shown = said(parse, text)
        assert not any(ord(letter) < 32 and letter not in "\n\t" for letter in shown)
