"""Networks' answers for a user's pictures: a table, the probability of each class, disagreements."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from MNIST.report.classes import noun

if TYPE_CHECKING:
    from rich.table import Table

BAR = 20  # characters of a bar for a probability of 1

MOST_BARS = 10  # of the likeliest classes


@dataclass(frozen=True)
class Answers:
    """A network's answers: probabilities, float64 (pictures, classes), and what the classes are called."""

    probabilities: np.ndarray
    classes: Sequence[str]

    def best(self, place: int) -> str:
        """The answer to the picture at that place."""
        return self.classes[int(self.probabilities[place].argmax())]


def table(files: Sequence[str], answers: Mapping[str, Answers]) -> "Table":
    """A row for each picture and network: the answer, and the next likely one. files: names to show."""
    from rich.table import Table
    from rich.text import Text

    shown = Table()
    shown.add_column("Picture", overflow="fold")
    if len(answers) > 1:
        shown.add_column("Network", overflow="fold")
    for heading in ("Answer", "Probability", "or else"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for place, file in enumerate(files):
        for row, (name, one) in enumerate(answers.items()):
            probabilities = one.probabilities[place]
            first, second = np.argsort(-probabilities, kind="stable")[:2]
            shown.add_row(
                Text("" if row else file),  # Text: a name may look like rich's markup
                *([name] if len(answers) > 1 else []),
                Text(one.classes[first], "bold"),
                percent(probabilities[first]),
                Text(f"{one.classes[second]} ({percent(probabilities[second])})"),
            )
        if len(answers) > 1:
            shown.add_section()
    return shown


def bars(file: str, place: int, answers: Mapping[str, Answers], block: str = "█") -> "Table":
    """How likely each class is in the picture at that place, a bar for each network. file: its name.

    The networks know the same classes. Of more than MOST_BARS, the likeliest are shown.
    """
    from rich.table import Table
    from rich.text import Text

    shown = Table(title=Text(file), title_justify="left", box=None, pad_edge=False)
    classes = next(iter(answers.values())).classes
    shown.add_column(noun(classes), justify="right")
    for name in answers:
        shown.add_column(name, no_wrap=True)
    probabilities = np.stack([one.probabilities[place] for one in answers.values()], axis=1)
    likely = np.sort(np.argsort(-probabilities.max(axis=1), kind="stable")[:MOST_BARS])
    for label in likely.tolist():
        cells = (f"{block * round(BAR * each)} {percent(each)}".strip() for each in probabilities[label])
        shown.add_row(Text(classes[label]), *cells)
    return shown


def disagreements(files: Sequence[str], answers: Mapping[str, Answers]) -> Iterator[str]:
    """A line for each picture that the networks answer differently."""
    for place, file in enumerate(files):
        if len({each.best(place) for each in answers.values()}) > 1:
            yield f"{file}: they disagree: {in_words(place, answers)}"


def readings(pictures: Sequence[tuple[str, Sequence[int]]], answers: Mapping[str, Answers]) -> Iterator[str]:
    """What each picture says that holds several digits. pictures: name, and how many are in each line."""
    place = 0
    for name, lengths in pictures:
        if (count := sum(lengths)) > 1:
            read = ", ".join(
                (f"{network} " if len(answers) > 1 else "") + _read(place, lengths, one)
                for network, one in answers.items()
            )
            yield f"{name}: {count} found, in reading order: {read}"
        place += count


def _read(place: int, lengths: Sequence[int], answers: Answers) -> str:
    """The answers from a place on, line after line, such as "1234 / 567"."""
    between = " " if max(map(len, answers.classes)) > 1 else ""
    ends = np.cumsum([place, *lengths]).tolist()
    return " / ".join(between.join(map(answers.best, range(*ends[n : n + 2]))) for n in range(len(lengths)))


def in_words(place: int, answers: Mapping[str, Answers]) -> str:
    """What each network answers for the picture at that place, such as "Optimal 7, Example 1"."""
    return ", ".join(f"{name} {each.best(place)}" for name, each in answers.items())


def percent(probability: float) -> str:
    """A probability in percent; only a probability of 1 is shown as 100 %."""
    return f"{min(probability, 0.9999 if probability < 1 else 1):.2%}"
