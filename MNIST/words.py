"""Numbers in everyday words, the digits, and texts that are safe to print."""

DIGITS = tuple("0123456789")


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number and what it counts: "1 point", "2,304 points". plural: if an s is not enough."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def escaped(text: str) -> str:
    """Text with escapes such as \\x1b for control characters and others that cannot be shown."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
