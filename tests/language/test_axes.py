"""Lists and ranges of values, as the command line and `Explore:` have them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_specs import words

from MNIST.errors import UsageError
from MNIST.language import Axis, parse_axis, read_axis


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0.001, 0.01", "0.001 0.01"),
        ("Adam,RMSprop", "Adam RMSprop"),
        ("16:64:16", "16 32 48 64"),
        ("16:63:16", "16 32 48"),
        ("1:4", "1 2 3 4"),
        ("4:4", "4"),
        ("0.1:0.5:0.1", "0.1 0.2 0.3 0.4 0.5"),
        ("1:2:.25", "1 1.25 1.5 1.75 2"),
        ("5:1:-2", "5 3 1"),
        ("1e-3:3e-3:1e-3", "0.001 0.002 0.003"),
        ("100:300:1e2", "100 200 300"),
        ("-1:1:0.5", "-1 -0.5 0 0.5 1"),
        ("8,16:32:8,1e2", "8 16 24 32 1e2"),
        ("0,0.1", "0 0.1"),
        ("Constant,(OneCycle,{peak})", "Constant (OneCycle,{peak})"),
        ("(),( Dropout , rate={drop} )", "() (Dropout,rate={drop})"),
    ],
)
def test_lists_and_ranges(text: str, values: str) -> None:
    axis = Axis(("rate",), tuple((value,) for value in values.split()))
    assert read_axis("rate", text, "--rate") == parse_axis(f"rate={text}") == axis


@given(
    st.integers(-(10**6), 10**6),
    st.integers(-(10**6), 10**6).filter(bool),
    st.integers(1, 200),
    st.integers(0, 8),
)
def test_a_range_is_its_start_and_so_many_steps(start: int, step: int, count: int, places: int) -> None:
    """It is checked in whole multiples of the last decimal, so that nothing is rounded."""
    unit = Decimal(1).scaleb(-places)
    ends = (start, start + (count - 1) * step, step)
    values = read_axis("x", ":".join(f"{number * unit:f}" for number in ends), "--x").of("x")
    assert [Decimal(value) / unit for value in values] == [start + n * step for n in range(count)]
    assert len(read_axis("x", ",".join(values), "--x").values) == count


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "a value is missing"),
        ("1,,2", "a value is missing"),
        ("0.001,1e-3", "0.001 is given twice"),
        ("Adam,SGD,ADAM", "Adam is given twice"),
        ("3,1:5", "3 is given twice"),
        ("5:1", "the step of 5:1 leads away from its end; write 5:1:-1"),
        ("1:5:-0.5", "the step of 1:5:-0.5 leads away from its end; write 1:5:0.5"),
        ("1:5:0", "the step of 1:5:0 is 0, and leads nowhere"),
        ("0:10000", "0:10000 has more than 10,000 values"),
        ("1:9999,0,-1", "up to here more than 10,000 values"),
        ("a:b", "expected a range of numbers, start:end or start:end:step, found 'a:b'"),
        ("1:nan", "expected a range of numbers, start:end or start:end:step, found '1:nan'"),
        ("1:2:3:4", "expected a range of numbers, start:end or start:end:step, found '1:2:3:4'"),
        ("1..", "expected two numbers, as in 0.0001..0.03, found '1..'"),
        ("a..b", "expected two numbers, as in 0.0001..0.03, found 'a..b'"),
        ("2..1", "expected the smaller number first and the greater one behind it, found '2..1'"),
        ("0.1...5", "expected two numbers, as in 0.0001..0.03, found '0.1...5'"),
        ("(a,1..2)", "a range has a placeholder and a line of its own: there is no range in '(a,1..2)'"),
        ("1,2..3", "'2..3' stands for all numbers between its ends: it takes no others beside it"),
        ("(a,,b)", "a value is missing in '(a,,b)'"),
        ("(a,{b)", "a placeholder is {name}, and takes the place of a whole value: '(a,{b)'"),
        ("(a,b),(a, B)", "(a,b) is given twice"),
        ("1,b=2", "expected a value, found 'b=2'; another name begins a list of its own"),
    ],
)
def test_values_that_are_refused(text: str, reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_axis("rate", text, "--rate")
    assert str(caught.value) == f"--rate: {reason}"
    with pytest.raises(UsageError) as caught:
        parse_axis(f"rate={text}")
    assert str(caught.value) == f"--set: {reason}"


@pytest.mark.parametrize("text", ["0.0001..0.03", "1e-4..3e-2", "-1..1", " 16 .. 128 "])
def test_a_range_of_all_numbers_is_its_two_ends(text: str) -> None:
    axis = parse_axis(f"rate={text}")
    low, high = (end.strip() for end in text.split(".."))
    assert axis == read_axis("rate", text, "--rate") == Axis(("rate",), ((low,), (high,)), is_range=True)
    assert parse_axis(str(axis)) == axis
    assert axis.of("rate") == [f"{low}..{high}"]


def test_joined_names_have_joined_values() -> None:
    axis = parse_axis(" convolutions + hidden = 1+0, 2 + 2 ")
    assert axis == Axis(("convolutions", "hidden"), (("1", "0"), ("2", "2")))
    assert str(axis) == "convolutions+hidden=1+0,2+2"
    assert parse_axis(str(axis)) == axis


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("rate", "expected name=value,value,…, found 'rate'"),
        ("=1", "expected name=value,value,…, found '=1'"),
        ("a+=1+2", "expected name=value,value,…, found 'a+=1+2'"),
        ("a+a=1+2", "a name is given twice in 'a+a'"),
        ("a+b=1+2,3", "expected 2 values joined by '+', for a+b, found '3'"),
        ("a+b=(1,2)", "joined values are single words: there is no place for '(1,2)'"),
        ("a+b=1..2", "joined values are written out: there is no range in '1..2'"),
        ("a+b=1:2+3", "joined values are written out: there is no range in '1:2+3'"),
        ("a+b=1+2,1.0+2", "1+2 is given twice"),
    ],
)
def test_axes_that_are_refused(text: str, reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_axis(text, "--set")
    assert str(caught.value) == f"--set: {reason}"


@given(
    st.lists(st.one_of(words, st.sampled_from([",", "=", "+", ":", "..", "(", ")", "{a}"])), max_size=12).map(
        "".join
    )
)
def test_any_word_is_an_axis_or_a_usage_error(text: str) -> None:
    try:
        axis = parse_axis(text)
    except UsageError:
        return
    assert axis.values
    assert all(len(value) == len(axis.names) and all(value) for value in axis.values)


def test_a_range_whose_step_is_too_large_is_no_single_value() -> None:
    with pytest.raises(UsageError, match=r"a step of 1 leads from 0.001 beyond 0.01; .* 0.001,0.01$"):
        read_axis("rate", "0.001:0.01", "--rate")
    assert read_axis("x", "3:3", "--x").of("x") == ["3"]
