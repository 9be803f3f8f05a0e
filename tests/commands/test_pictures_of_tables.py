"""`pictures` as a user types it: a spreadsheet's table without a dataset, and where it writes nothing."""

import itertools
import os
import re
import sys

import pytest

from MNIST.report.exploring.pictures import PICTURES


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = itertools.product(["0,001", "0,01"], [16, 32, 64], ["adam", "sgd"])
    lines = [f"{rate};{units};{opt};0,{units}{len(opt)}" for rate, units, opt in rows]
    (tmp_path / "scan.csv").write_text("rate;units;opt;f1\n" + "\n".join(lines))
    return tmp_path


@pytest.mark.parametrize(
    ("best", "first"), [pytest.param("highest", "0.644", marks=pytest.mark.slow), ("lowest", "0.163")]
)
def test_the_pictures_of_a_spreadsheets_table(here, run, best, first):
    code, output, errors = run("pictures", "scan.csv", best, "--metric", "F1", "--best", best)
    assert (code, errors) == (0, "")
    assert f"12 rows, judged by f1; the {best} is the best." in output
    assert "3 parameters: rate, units, opt" in output
    assert {path.name for path in (here / best).iterdir()} == {
        *(f"{n}.png" for n in PICTURES),
        "parallel.html",
    }
    page = (here / best / "parallel.html").read_text()
    assert "best rows, by f1" in page
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", page[page.index('id="best"') :])
    assert cells[0] == first
    assert f"the {'higher' if best == 'highest' else 'lower'} its\nf1" in page


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the names of files are text")
def test_a_table_whose_name_is_no_text_is_drawn(here, run):
    (here / "scan.csv").rename(here / os.fsdecode(b"\xe9tude.csv"))
    code, _, errors = run("pictures", os.fsdecode(b"\xe9tude.csv"), "there", "--metric", "f1")
    assert (code, errors) == (0, "")
    assert "?tude" in (here / "there" / "parallel.html").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["scan.csv"],
            r"Columns with numbers: rate, units, f1; it may be f1\n.* pictures scan.csv --metric NAME",
        ),
        (["scan.csv", "--metric", "f11"], "did you mean 'f1'"),
        (["scan.csv", "--metric", "f1", "--best", "most"], "--best: expected one of highest, lowest"),
        (["scan.csv", "scan.csv", "--metric", "f1"], "scan.csv is a file"),
        (["scan.csv", ".", "--metric", "f1"], "Front.png is there, and not from this command"),
        (["nowhere.csv"], "no file 'nowhere.csv'"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_written(here, run, words, message):
    (here / "Front.png").write_text("another picture")
    code, output, errors = run("pictures", *words)
    assert (code, output) == (2, "")
    assert re.search(message, errors)
    assert {path.name for path in here.iterdir()} == {"scan.csv", "Front.png"}
