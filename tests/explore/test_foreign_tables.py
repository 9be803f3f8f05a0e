"""Tables that spreadsheets and other programs have written: which numbers, parameters and costs they have.

The tables of Optuna and scikit-learn have the columns and the spelling of what these programs wrote (Optuna
5.0.0, scikit-learn 1.9.1), fewer rows, and some other values, such as a training that took more than a day.
"""

from math import isfinite, isnan
from pathlib import Path

import pytest
from pandas import read_csv

from MNIST.errors import UsageError
from MNIST.explore.judged import read_judged
from MNIST.explore.results import read_results
from MNIST.explore.tables import read_table

FOLDER = Path(__file__).parent / "foreign"
OURS = (FOLDER / "ours.csv").read_text()
TALOS = (
    "start,end,duration,round_epochs,val_acc,acc,lr,act,_trial_id\n"
    "1,2,3,4,{0},{1},0.1,relu,x\n1,2,3,4,{1},{1},0.2,relu,y\n"
)
OPTUNA = (FOLDER / "optuna.csv").read_text()
SEARCH = (FOLDER / "search.csv").read_text()


@pytest.fixture
def table(tmp_path):
    def write(content: str | bytes):
        path = tmp_path / "table.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def german(text: str) -> str:
    return text.replace(",", ";").replace(".", ",").replace("\n", "\r\n")


@pytest.mark.parametrize(
    "content",
    [
        german(OURS).encode("utf-8-sig"),
        german(OURS).encode("cp1252"),
        b"sep=;\r\n" + german(OURS).encode(),
        german(OURS).replace(";12042", ";12.042").encode(),
        german(OURS).replace(";12042", ";12\u202f042").encode(),
        OURS.replace(",", "\t").encode("utf-16"),
        OURS.replace(",", "\t").replace("12042", '"12,042"').encode("utf-16"),
        german(OURS).replace(";", "\t").encode("utf-16"),
        b"".join(line.rstrip(b",") + b"\n" for line in OURS.encode().splitlines()),  # old Excel drops them
        OURS.encode() + b",,,,\n\n",
    ],
)
def test_our_table_is_the_same_however_a_spreadsheet_has_saved_it(table, content):
    original = read_results(table(OURS))
    assert len(original.runs or ()) == 3
    assert repr(read_results(table(content))) == repr(original)  # nan is not equal to itself


def test_our_table_is_the_same_after_pandas_has_numbered_its_rows(table):
    original = read_results(table(OURS))
    numbered = read_csv(table(OURS)).to_csv()
    for content in (numbered, read_csv(table(numbered)).to_csv()):  # the second has the column Unnamed: 0 too
        assert repr(read_results(table(content))) == repr(original)


def test_no_column_is_lost_whatever_the_header_repeats(table):
    read = read_table(table("x,,x,x (2),,y,x\n1,2,3,4,5,6,7\n8,9\n"))
    assert read.names == ["x", "", "x (3)", "x (2)", "", "y", "x (4)"]
    assert [read.rows[0][name] for name in read.names if name] == ["1", "3", "4", "6", "7"]
    with pytest.raises(UsageError, match="line 3: it has 2 cells, and the first line names 7 columns"):
        read.words("y")


@pytest.mark.parametrize("spelling", ["{:.2f}", "{:.4g}", "{:.2f}%"])
def test_accuracies_are_proportions_or_percentages(table, spelling):
    whole = 100 if spelling != "{:.4g}" else 1
    results = read_results(
        table(TALOS.format(*(spelling.format(whole * number) for number in (0.9812, 0.5))))
    )
    assert results.metrics == {"val_accuracy": pytest.approx([0.9812, 0.5]), "accuracy": [0.5, 0.5]}
    assert results.parameters == {"lr": [0.1, 0.2], "act": ["relu", "relu"]}


def test_a_table_of_optuna(table):
    path = table(OPTUNA)
    judged = read_judged(path, "value", "lowest")
    metrics, parameters, runs = judged.results
    assert metrics["value"][:2] == [0.1271225857056865, 0.10488349084758776]
    assert all(map(isnan, metrics["value"][2:]))
    assert metrics["seconds"] == pytest.approx([0.013613, 86460.00085, 0.000741, 0.001357])
    assert list(parameters) == ["dropout", "lr", "opt"]
    assert (judged.percent, judged.lower, judged.unfinished, runs) == (False, True, 2, None)
    with pytest.raises(UsageError, match="does not tell which is best; add --best highest or --best lowest"):
        read_judged(path, "value")
    with pytest.raises(UsageError, match="it may be value"):
        read_judged(path)


def test_a_table_of_a_search_with_scikit_learn(table):
    judged = read_judged(table(SEARCH))
    assert (judged.metric, judged.percent, judged.lower) == ("mean_test_score", False, False)
    assert judged.results.parameters == {"n_neighbors": [1, 3], "weights": ["uniform", "distance"]}
    assert judged.results.metrics["seconds"] == [0.0091367, 0.0087546]


def test_what_is_no_parameter_in_a_table_of_ones_own_is_told(table):
    names = "experiment begun Date model_name lr units test_loss Test_Acc train_acc time_steps parameters"
    head = f"{names} wall_time\n".replace(" ", ";")
    rows = [
        f"{row};2026-01-{row + 1:02};{row + 1:02}.01.2026 12:30;net {row};0,{row + 1}01;{16 * (row % 3)};"
        f"0,{row}3;9{row % 10},25;0,{row}2;{row % 2};{row % 3}.042;{row},5\n"
        for row in range(12)
    ]
    judged = read_judged(table(head + "".join(rows)), "test_acc")
    assert judged.metric == "Test_Acc"
    assert judged.results.metrics["Test_Acc"][:2] == pytest.approx([0.9025, 0.9125])
    assert judged.percent
    assert list(judged.results.parameters) == ["lr", "units", "time_steps"]
    assert judged.results.metrics["parameters"][1:3] == [1042, 2042]
    assert judged.left_out == {
        "a name for each row": ["experiment", "model_name"],
        "a time": ["begun", "Date", "wall_time"],
        "another metric": ["test_loss", "train_acc"],
    }


def test_words_below_the_name_of_a_metric_are_a_parameter(table):
    judged = read_judged(
        table("loss,val_loss,accuracy,units,score\nmse,3,,16,0.5\nmae,2,,32,0.7\n,1,,64,0.6\n"), "score"
    )
    assert judged.results.parameters == {"loss": ["mse", "mae", ""], "units": [16, 32, 64]}
    assert judged.results.metrics["val_loss"] == [3, 2, 1]


@pytest.mark.parametrize(
    ("metric", "lower"),
    [
        ("val_loss", True),
        ("RMSE", True),
        ("test_error_mean", True),
        ("neg_mean_squared_error", False),
        ("mean_test_neg_log_loss", False),
        ("metrics.neg_mean_absolute_error", False),
        ("renege_loss", True),
        ("f1", False),
        ("glossary", False),
    ],
)
def test_the_name_of_a_metric_tells_which_number_is_the_best(table, metric, lower):
    path = table(f"lr,{metric}\n0.1,2\n0.2,3\n")
    assert read_judged(path, metric).lower == lower
    assert read_judged(path, metric, "lowest").lower
    assert not read_judged(path, metric, "highest").lower


@pytest.mark.parametrize("value", ["inf", "nan", "1e308", "-1.7e308"])
def test_a_metric_that_no_scale_could_hold_is_not_judged(table, value):
    judged = read_judged(table(f"lr,val_loss\n0.1,{value}\n0.2,3\n"), "val_loss")
    assert not isfinite(judged.results.metrics["val_loss"][0])
    assert judged.results.metrics["val_loss"][1] == 3


@pytest.mark.parametrize(
    ("content", "metric", "message"),
    [
        (
            "rate,vall_acc\n1,2\n",
            None,
            "no column val_accuracy or val_acc\nColumns with numbers: rate, vall_acc",
        ),
        ("rate,vall_acc\n1,2\n", "val_acc", "no column 'val_acc'; did you mean 'vall_acc'?"),
        ("rate,opt\na,b\n", "x", "No column has numbers only; there are: rate, opt"),
        ("rate,f1\n0.1,0.5\n0.2,0.7,8\n", "f1", "line 3: it has 3 cells, and the first line names 2 columns"),
        ("rate,f1\n0,1,0,5\n", "f1", "line 2: it has 4 cells.*decimal commas, save it with semicolons"),
        ("rate,f1\n0.1,0.5\n0.2\n", "f1", "line 3: it has 1 cell, and the first line names 2 columns"),
        ('a,f1\n"two\nlines",1\nb,good\n', "f1", "line 4: f1 is 'good', and not a number"),
        ("rate,f1\n0.1,nan\n0.2,\n0.3,None\n", "f1", "f1 has no number in any row"),
        ("rate,f1\n", "f1", "it has no rows"),
        (b"PK\x03\x04...", None, "a spreadsheet's own file: save it as CSV"),
        (b"SQLite format 3\0", None, "study.trials_dataframe"),
        (b"\0\1\2", None, "it is no text"),
        (b"", None, "it is empty"),
    ],
)
def test_a_bad_table_is_told_with_what_there_is(table, content, metric, message):
    with pytest.raises(UsageError, match=f"(?s){message}"):
        read_judged(table(content), metric)
