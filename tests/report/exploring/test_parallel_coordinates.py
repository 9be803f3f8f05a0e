"""The page of parallel coordinates: it has every row, fetches nothing, and shows text as text."""

import base64
import json
import math
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from MNIST.report.exploring import parallel_axes
from MNIST.report.exploring import parallel_coordinates as page_module
from MNIST.report.exploring.columns import distinct
from MNIST.report.exploring.parallel_axes import make_axis
from MNIST.report.exploring.parallel_coordinates import parallel_coordinates

HOSTILE = ["<script>alert(1)</script>", "</script><img src=http://x.org onerror=alert(1)>", "$x$", "y" * 5000]


class Elements(HTMLParser):
    """The page as a browser splits it: tags with their attributes, scripts, and the text outside them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data):
        if self.lasttag == "script" and self.scripts and self.cdata_elem == "script":
            self.scripts[-1] += data
        else:
            self.text += data + "\n"

    def count(self, tag: str) -> int:
        return sum(one == tag for one, _ in self.tags)


def dimensions(page: Elements) -> list[dict]:
    """The axes that plotly gets: label, values (rows,), ticktext."""
    *_, script, _ = page.scripts  # the last one lets the keyboard scroll
    call = re.search(r'Plotly\.newPlot\(\s*"lines",\s*', script)
    assert call
    (trace,), _ = json.JSONDecoder().raw_decode(script, call.end())
    for axis in trace["dimensions"]:
        axis["values"] = np.frombuffer(base64.b64decode(axis["values"]["bdata"]), "<f4")
    return trace["dimensions"]


def table(rows: int):
    optimizers = ["Adam", "RMSprop"] * (rows // 2)
    momentum = [math.nan, 0.5, math.nan, 0.75] * (rows // 4)
    rates = [10 ** -(1 + 4 * row / rows) for row in range(rows)]
    parameters = {"opt": optimizers, "mom": momentum, "rate": rates, "batch": [1000.0] * rows}
    accuracy = [0.9 + 0.05 * row / rows for row in range(rows)]
    return {"val_accuracy": accuracy, "val_loss": [1 - one for one in accuracy]}, parameters


def test_the_page_has_every_row_and_fetches_nothing():
    page = Elements(parallel_coordinates(*table(80), "My net"))
    axes = dimensions(page)
    labels = [axis["label"].replace("<br>", " ") for axis in axes]
    assert labels == ["opt", "mom", "rate", "validation accuracy", "validation loss"]
    assert all(len(axis["values"]) == 80 and np.isfinite(axis["values"]).all() for axis in axes)
    assert not [attributes for _, attributes in page.tags if {"src", "href"} & attributes.keys()]
    assert not {"link", "iframe", "img", "base", "object"} & {tag for tag, _ in page.tags}
    policy = next(a["content"] for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none';")
    assert "http" not in policy
    assert "batch = 1000" in page.text


def test_the_table_has_the_ten_best_rows():
    page = Elements(parallel_coordinates(*table(80), "My net"))
    assert page.count("tr") == 11
    below = page.text.partition("The 10 best rows")[2]
    found = [float(percent) for percent in re.findall(r"^([\d.]+) %$", below, re.MULTILINE)]
    assert found == pytest.approx([90 + 5 * row / 80 for row in range(79, 69, -1)], abs=0.0051)  # as printed


def test_hostile_names_and_values_stay_text():
    metrics, _ = table(8)
    parameters = dict.fromkeys(HOSTILE, HOSTILE * 2)
    harmless = Elements(parallel_coordinates(metrics, {f"p{n}": [1, 2, 3, 4] * 2 for n in range(4)}, "p"))
    page = Elements(parallel_coordinates(metrics, parameters, HOSTILE[0]))
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in harmless.tags]
    assert not [attributes for _, attributes in page.tags if "onerror" in attributes or "src" in attributes]
    assert all(name in page.text for name in HOSTILE[:3])
    for axis in dimensions(page):
        assert not re.search(r"<(?!br>)|\$", axis["label"])  # these would start plotly's markup or MathJax
        assert len(set(axis["ticktext"])) == len(axis["ticktext"])


@pytest.mark.parametrize(
    ("accuracy", "values", "reason"),
    [
        ([], [], "No row has a validation accuracy"),
        ([math.nan, math.inf], [1, 2], "No row has a validation accuracy"),
        ([0.1, 0.2], [1, 1], "No parameter has more than one value"),
        ([0.1, 0.2, 0.3], ["a", "a", ""], "No parameter has more than one value"),
        ([0.1, 0.1], [1, 2], "All rows have the same validation accuracy"),
    ],
)
def test_where_there_is_nothing_to_compare_the_page_says_so(accuracy, values, reason):
    page = Elements(parallel_coordinates({"val_accuracy": accuracy}, {"conv": values}, "none"))
    assert reason in page.text
    assert not page.scripts


def test_of_too_many_rows_the_best_are_shown_and_the_page_says_so(monkeypatch):
    monkeypatch.setattr(page_module, "MOST_ROWS", 12)
    metrics, parameters = table(80)
    metrics["val_accuracy"][0] = math.nan
    page = Elements(parallel_coordinates(metrics, parameters, "many"))
    assert {len(axis["values"]) for axis in dimensions(page)} == {12}
    assert "the best 12 of 79 rows" in page.text
    assert "Rows without a validation accuracy are left out: 1" in page.text


def ticks(values, **options) -> dict[str, float]:
    axis = make_axis("", values, "any", 9, **options)
    assert [place for place, _ in axis.ticks] == sorted(place for place, _ in axis.ticks)
    assert axis.ends[0] < axis.positions.min()
    assert axis.positions.max() < axis.ends[1]
    return {text: place for place, text in axis.ticks if text.strip()}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["Adam", "SGD", "RMSprop"], {"Adam": 0, "RMSprop": 0.5, "SGD": 1}),
        ([5, 10, 15], {"5": 0, "10": 0.5, "15": 1}),
        ([0.001, 0.1, 0.01], {"0.001": 0, "0.01": 0.5, "0.1": 1}),  # logarithmic
        ([0.25, 0.5, math.nan], {"any": 0, "0.25": 0.5, "0.5": 1}),
        ([0, 1e-5, 1e-3], {"0": 0, "1e-5": 0.125, "0.001": 1}),  # zero lies below the logarithmic scale
        ([1, 1.0001], {"1": 0, "1.0001": 1}),
        ([1000, 227754, 1234567], {"1000": 0, "228k": math.log(227.754, 1234.567), "1.23M": 1}),
        ([1e308, -1e308], {"-1e+308": 0, "1e+308": 1}),
        (["x…1", "x", "x"], {"x": 0, "x…1": 1}),
        (["conv_11111111", "conv_11111112"], {"conv_111…": 0, "conv_11…1": 1}),
        ([1, math.inf], {"1": 0, "inf": 1}),
    ],
)
def test_ticks(values, expected):
    assert ticks(values) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("number", "text"),
    [(999_700, "1M"), (9_999.7, "10k"), (12_500, "12.5k"), (5e9, "5e9"), (250e6, "250M"), (9_000, "9000")],
)
def test_large_numbers_have_the_unit_that_fits_them_when_they_are_rounded(number, text):
    assert parallel_axes._number_text(float(number), 3) == text


def test_of_many_numbers_round_ones_have_ticks():
    linear = ticks([0.09 + 0.013 * number for number in range(50)])
    assert list(linear) == ["0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7"]
    logarithmic = ticks([1.3e-6 * 1.3**number for number in range(40)])
    assert list(logarithmic) == ["1e-5", "0.0001", "0.001", "0.01"]
    percent = ticks([90.1 + 0.1 * number for number in range(50)], percent=True)
    assert list(percent) == ["91 %", "92 %", "93 %", "94 %", "95 %"]


def test_lines_that_share_a_value_lie_beside_one_another_the_best_on_top():
    positions = make_axis("", ["a", "b"] * 30, "any", 9).positions
    assert len(set(positions)) == 60
    assert list(positions[::2]) == sorted(positions[::2], reverse=True)
    assert positions[::2].max() < 0.25 < 0.75 < positions[1::2].min()  # a filter can separate the values


@given(st.lists(st.floats() | st.sampled_from([0.0, 1e17, 1e17 + 16, math.nan])) | st.lists(st.text()))
def test_any_column_has_an_axis(values):
    assume(len(distinct(values)) > 1)
    axis = make_axis("", values, "any", 9)
    texts = [text for _, text in axis.ticks]
    assert np.isfinite(axis.positions).all()
    assert np.isfinite([place for place, _ in axis.ticks]).all()
    assert len(set(texts)) == len(texts)  # plotly would misplace equal texts
