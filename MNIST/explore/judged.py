"""A table of any program, and the metric by which its rows are judged."""

from math import isfinite, nan
from pathlib import Path
from typing import NamedTuple

from MNIST.errors import UsageError, quoted
from MNIST.explore import foreign
from MNIST.explore.foreign import SECONDS, is_missing
from MNIST.explore.results import COSTS, Results, Table, columns_of, is_ours, roles_in
from MNIST.explore.tables import RawTable, read_table

HUGE = 1e30  # a metric beyond it is of a training that diverged, and no picture's scale could hold it


class Judged(NamedTuple):
    """What a table has.

    results: also with what a row costs, as far as the table says it. metric: the name of the metric among
    the results. percent: whether it is an accuracy, which is a proportion there. lower: whether the lowest
    number is the best.
    left_out: the columns that are neither metrics nor parameters, by the reason.
    unfinished: how many rows are of trials that did not end well, and have no metric here.
    """

    results: Results
    metric: str
    percent: bool
    lower: bool
    left_out: dict[str, list[str]]
    unfinished: int


def read_judged(path: Path, metric: str | None = None, best: str | None = None) -> Judged:
    """Read a table of any program.

    metric: the column to judge by; None for the validation accuracy. best: "highest" or "lowest"; None if the
    metric's name tells it. Raises UsageError, which says what is wrong with the table, and in which line.
    """
    table = read_table(path)
    column = foreign.metric_column(table, metric)
    roles = roles_in(table, column)
    lower = foreign.is_lower_better(column, best)
    _check_numbers(table, column)
    name = next(known for known, there in roles.metrics.items() if there == column)
    metrics, parameters, runs = columns_of(table, roles)
    finished = _finished(table)
    if finished is not None:
        metrics[name] = [value if ok else nan for value, ok in zip(metrics[name], finished, strict=True)]
    metrics[name] = [nan if abs(float(value)) > HUGE else value for value in metrics[name]]
    if not any(isfinite(float(value)) for value in metrics[name]):
        raise UsageError(f"{path}: {column} has no number in any row")
    if not is_ours(table):
        metrics |= _costs(table)
        parameters = {known: values for known, values in parameters.items() if known not in COSTS}
    proportions = None
    if foreign.IS_ACCURACY.fullmatch(column):
        proportions = foreign.as_proportions({name: [float(value) for value in metrics[name]]})
    metrics |= {known: list(values) for known, values in (proportions or {}).items()}
    left_out = {
        reason: names
        for reason, all_names in roles.left_out.items()
        if (names := [one for one in all_names if one not in SECONDS])
    }
    unfinished = 0 if finished is None else finished.count(False)
    return Judged(
        Results(metrics, parameters, runs), name, proportions is not None, lower, left_out, unfinished
    )


def _check_numbers(table: RawTable, column: str) -> None:
    """Raise UsageError with the line of a cell of the metric that is no number, unless it is empty."""
    for word, line in zip(table.words(column), table.lines, strict=True):
        if not is_missing(word) and table.number(word) != table.number(word):
            raise UsageError(f"{table.path}, line {line}: {column} is {quoted(word)}, and not a number")


def _finished(table: RawTable) -> list[bool] | None:
    """Whether each trial came to its end; None if the table does not say it.

    Optuna gives a pruned trial the value of its last step, which is not that of a whole training.
    """
    if not {"state", "number"} <= set(table.names):
        return None
    return [word == "COMPLETE" for word in table.words("state")]


def _costs(table: RawTable) -> Table:
    """What the rows of another program's table cost, as far as it says it."""
    costs: Table = {
        name: [table.number(word) for word in table.words(name)] for name in COSTS if name in table.names
    }
    seconds = foreign.seconds_column(table)
    return {**costs, "seconds": seconds} if seconds else costs
