"""Networks' answers for a user's pictures: a table, the probability of each digit, disagreements."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rich.table import Table

BAR = 20  # characters of a bar for a probability of 1

Answers = Mapping[str, np.ndarray]  # of each network, by name: probabilities, (pictures, digits)


def table(files: Sequence[str], answers: Answers) -> "Table":
    """A row for each picture and network: the answer, and the next likely digit. files: names to show."""
    from rich.table import Table
    from rich.text import Text

    shown = Table()
    shown.add_column("Picture", overflow="fold")
    if len(answers) > 1:
        shown.add_column("Network", overflow="fold")
    for heading in ("Answer", "Probability", "or else"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for place, file in enumerate(files):
        for row, (name, probabilities) in enumerate(answers.items()):
            first, second = np.argsort(-probabilities[place], kind="stable")[:2]
            shown.add_row(
                Text("" if row else file),  # Text: a name may look like rich's markup
                *([name] if len(answers) > 1 else []),
                Text(str(first), "bold"),
                percent(probabilities[place, first]),
                f"{second} ({percent(probabilities[place, second])})",
            )
        if len(answers) > 1:
            shown.add_section()
    return shown


def bars(file: str, probabilities: Mapping[str, np.ndarray], block: str = "█") -> "Table":
    """How likely each digit is in one picture, a bar for each network. probabilities: (digits,), by name."""
    from rich.table import Table
    from rich.text import Text

    shown = Table(title=Text(file), title_justify="left", box=None, pad_edge=False)
    shown.add_column("digit", justify="right")
    for name in probabilities:
        shown.add_column(name, no_wrap=True)
    for digit, row in enumerate(np.stack(list(probabilities.values()), axis=1)):
        cells = (f"{block * round(BAR * each)} {percent(each)}".strip() for each in row.tolist())
        shown.add_row(str(digit), *cells)
    return shown


def disagreements(files: Sequence[str], answers: Answers) -> Iterator[str]:
    """A line for each picture that the networks answer differently."""
    for place, file in enumerate(files):
        if len({int(each[place].argmax()) for each in answers.values()}) > 1:
            yield f"{file}: they disagree: {in_words(place, answers)}"


def in_words(place: int, answers: Answers) -> str:
    """What each network answers for the picture at that place, such as "Optimal 7, Example 1"."""
    return ", ".join(f"{name} {each[place].argmax()}" for name, each in answers.items())


def percent(probability: float) -> str:
    """A probability in percent; only a probability of 1 is shown as 100 %."""
    return f"{min(probability, 0.9999 if probability < 1 else 1):.2%}"


def printable(text: str) -> str:
    """Text with control characters and others that a terminal cannot show as escapes such as \\x1b."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
