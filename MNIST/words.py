"""Numbers in everyday words."""


def counted(number: int, noun: str) -> str:
    """A number and what it counts: "1 point", "2,304 points"."""
    return f"{number:,} {noun}{'s' * (number != 1)}"
