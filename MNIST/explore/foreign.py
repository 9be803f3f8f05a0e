"""Which columns of a table from elsewhere are metrics, costs and parameters, and which are none of these.

Talos, Optuna and scikit-learn have names of their own for them; of other tables the names and the cells tell.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from MNIST.errors import UsageError, did_you_mean, quoted
from MNIST.explore.ranking import METRICS
from MNIST.explore.tables import RawTable
from MNIST.program import as_typed, program

SPELLINGS = {"acc": "accuracy", "val_acc": "val_accuracy"}
TALOS = ("round_epochs", "start", "end", "duration", "execution_time")  # and all names that begin with _
SECONDS = ("seconds", "duration", "mean_fit_time", "runtime", "fit_time", "train_time", "training_time")
# Programs that write a prefix before each parameter: the prefix, and a name that only they have.
PREFIXES = (
    ("params_", re.compile("state|number|datetime_start")),  # Optuna
    ("param_", re.compile("(mean|rank)_test_.*")),  # scikit-learn
    ("params.", re.compile(r"metrics\..*")),  # MLflow
    ("config/", re.compile("config/.*")),  # Ray Tune
)
# Names of columns. A word in one is between its ends, underscores and signs.
QUALITY = "acc|accuracy|loss|error|err|score|auc|f1|recall|r2|rmse|mse|mae|nll|perplexity|fmeasure"
OF_WHAT = "train|training|val|valid|validation|test|dev|mean|std|best|final|last"
IS_METRIC = re.compile(rf"(.*[_\W])?({QUALITY})([_\W]({OF_WHAT}|\d+))*", re.I)
LOSS = "loss|error|err|rmse|mse|mae|nll|perplexity"
IS_LOSS = re.compile(
    rf"(?!(.*[_\W])?neg[_\W])(.*[_\W])?({LOSS})([_\W].*)?", re.I
)  # scikit-learn negates some
IS_ACCURACY = re.compile(r"(.*[_\W])?(acc|accuracy)([_\W].*)?", re.I)
TELLS_NOTHING = re.compile(r"values?(_\d+)?|objective|target|result", re.I)
TIMES = "time|timestamp|date|datetime|duration|elapsed|runtime"
IS_TIME = re.compile(rf"(.*[_\W])?({TIMES})([_\W](start|complete|end))?", re.I)
NAMES = "id|uuid|index|idx|number|no|nr|hash|name|trial|run|iteration"
IS_IDENTITY = re.compile(rf"unnamed.*|rank_test_.*|(.*[_\W])?({NAMES})", re.I)

# Cells.
TIME = re.compile(
    r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d([.,]\d+)?)?(Z|[+-]\d\d:?\d\d)?)?"  # ISO 8601
    r"|\d{1,2}[./]\d{1,2}[./]\d{2,4}([ ,]+\d{1,2}:\d\d(:\d\d)?( ?[AP]M)?)?"  # as spreadsheets write it
    r"|(-?\d+ days?,? )?\d{1,2}:\d\d(:\d\d([.,]\d+)?)?"  # a length of time
)
LENGTH = re.compile(r"(?:(-?\d+) days?,? )?(\d{1,2}):(\d\d):(\d\d(?:\.\d+)?)")
FEWEST_NAMES = 10  # so many words or numbers that are all different are names of the rows
BEST = ("highest", "lowest")
Column = list[float | str]


@dataclass(frozen=True)
class Roles:
    """What the columns are. metrics, parameters: the column by the name that it gets here.

    left_out: the columns that are none of these, by the reason.
    """

    metrics: dict[str, str]
    parameters: dict[str, str]
    left_out: dict[str, list[str]] = field(default_factory=dict)


def roles_of(table: RawTable, metric: str | None = None) -> Roles:
    """What the columns of a table from elsewhere are. metric: a column that is one, whatever its name."""
    named = {name: SPELLINGS.get(name, name) for name in table.names if not _are_words(table, name)}
    metrics = {known: name for name, known in named.items() if known in METRICS}
    if metric is not None and metric not in metrics.values():
        metrics[metric] = metric
    twins = {twin for name in named if f"val_{name}" in named for twin in (name, f"val_{name}")}
    others = {*metrics.values(), *TALOS, *twins}
    free = [name for name in table.names if name and name not in others and not name.startswith("_")]
    for prefix, marker in PREFIXES:
        prefixed = {name.removeprefix(prefix): name for name in free if name.startswith(prefix)}
        if prefixed and any(marker.fullmatch(name) for name in table.names):
            return Roles(metrics, prefixed)
    parameters: dict[str, str] = {}
    left_out: dict[str, list[str]] = {}
    for name in free:
        reason = _no_parameter(table, name, is_first=name == table.names[0], is_only=len(free) == 1)
        if reason:
            left_out.setdefault(reason, []).append(name)
        else:
            parameters[name] = name
    return Roles(metrics, parameters, left_out)


def _no_parameter(table: RawTable, name: str, is_first: bool, is_only: bool) -> str:
    """Why a column is no parameter; "" if it is one."""
    words = table.words(name)
    there = [word.strip() for word in words if word.strip()]
    numbers = [table.number(word) for word in there]
    are_numbers = bool(there) and all(number == number for number in numbers)
    if there and all(TIME.fullmatch(word) for word in there):
        return "a time"
    if are_numbers and IS_TIME.fullmatch(name):
        return "a time"
    if are_numbers and IS_METRIC.fullmatch(name):
        return "another metric"
    if is_only or len(set(words)) < len(words) or len(words) < 2:
        return ""
    counts = are_numbers and numbers == [numbers[0] + place for place in range(len(words))]
    is_name = not are_numbers or (is_first and counts and numbers[0] in (0, 1))
    is_name = is_name and len(words) >= FEWEST_NAMES
    return "a name for each row" if is_name or IS_IDENTITY.fullmatch(name) else ""


def metric_column(table: RawTable, wanted: str | None) -> str:
    """The column to judge by: the wanted one, or the validation accuracy, or scikit-learn's score.

    Raises UsageError, which says which columns there are.
    """
    known = [name for name in table.names if SPELLINGS.get(name, name) == "val_accuracy"]
    known += [name for name in table.names if name == "mean_test_score"]
    if wanted is None:
        if not known:
            raise no_metric(table)
        return known[0]
    if wanted in table.names:
        return wanted
    for name in table.names:
        if name.lower() == wanted.lower() or SPELLINGS.get(name, name) == SPELLINGS.get(wanted, wanted):
            return name
    raise UsageError(
        f"--metric: {table.path} has no column {quoted(wanted)}{did_you_mean(wanted, table.names)}\n"
        f"{_columns_text(table)}"
    )


def no_metric(table: RawTable) -> UsageError:
    """The error that a table has no validation accuracy: it says which columns there are, and what to do."""
    pictures = f"{program()} pictures {as_typed(str(table.path))}"
    return UsageError(
        f"{table.path} is no results file of explore or Talos: it has no column val_accuracy or val_acc\n"
        f"{_columns_text(table)}\n"
        f"Name the one that says how good a row is: {pictures} --metric NAME"
    )


def _columns_text(table: RawTable) -> str:
    """A line about the columns with numbers, those first that look like metrics."""
    names = [name for name in table.names if name and _are_numbers(table, name)]
    likely = [name for name in names if IS_METRIC.fullmatch(name) or TELLS_NOTHING.fullmatch(name)]
    if not names:
        return f"No column has numbers only; there are: {', '.join(table.names)}"
    meant = f"; it may be {' or '.join(likely[:3])}" if likely else ""
    return f"Columns with numbers: {', '.join(names)}{meant}"


def _are_numbers(table: RawTable, name: str) -> bool:
    words = _filled(table, name)
    return bool(words) and all(table.number(word) == table.number(word) for word in words)


def _are_words(table: RawTable, name: str) -> bool:
    """Whether a column has no number, as where `loss` says which loss was minimized."""
    words = _filled(table, name)
    return bool(words) and all(table.number(word) != table.number(word) for word in words)


def _filled(table: RawTable, name: str) -> list[str]:
    """The cells of a column that have something in them."""
    return [word for row in table.rows if (word := row[name]) and not is_missing(word)]


def is_missing(word: str) -> bool:
    """Whether a cell says that there is no number."""
    return word.strip().lower() in ("", "-", "–", "na", "n/a", "#n/a", "nan", "none", "null")


def as_proportions(accuracies: Mapping[str, Sequence[float]]) -> dict[str, list[float]] | None:
    """Columns of accuracies as proportions, whether they are proportions or all percentages.

    Returns None if they are neither, or if there is no number.
    """
    finite = [number for numbers in accuracies.values() for number in numbers if number == number]
    if not finite or min(finite) < 0 or max(finite) > 100:
        return None
    whole = 100 if max(finite) > 1 else 1
    return {name: [number / whole for number in numbers] for name, numbers in accuracies.items()}


def is_lower_better(name: str, best: str | None) -> bool:
    """Whether the lowest number of a metric is the best. best: one of BEST; None if the name has to tell it.

    Raises UsageError if neither does.
    """
    if best is not None:
        return best == BEST[1]
    if TELLS_NOTHING.fullmatch(name):
        raise UsageError(
            f"--metric {name}: its name does not tell which is best; add --best highest or --best lowest"
        )
    return bool(IS_LOSS.fullmatch(name))


def seconds_column(table: RawTable) -> Column | None:
    """How many seconds each row took, if the table says it; also of lengths such as 0 days 00:01:12.5."""
    for name in SECONDS:
        if name in table.names:
            return [_seconds(table, word) for word in table.words(name)]
    return None


def _seconds(table: RawTable, word: str) -> float:
    length = LENGTH.fullmatch(word.strip())
    if length is None:
        return table.number(word)
    days, hours, minutes, seconds = (float(part or 0) for part in length.groups())
    return 60 * (60 * (24 * days + hours) + minutes) + seconds
