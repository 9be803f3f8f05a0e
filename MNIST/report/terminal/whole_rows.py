"""Tables in the terminal and in a pipe."""

from rich.console import Console

WIDEST = 1000  # columns


def console_of_whole_rows() -> Console:
    """A console for a table: a narrow terminal folds words, a pipe gets whole rows."""
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = WIDEST
    return console
