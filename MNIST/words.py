"""Numbers in everyday words, and the digits."""

DIGITS = tuple("0123456789")


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number and what it counts: "1 point", "2,304 points". plural: if an s is not enough."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"
