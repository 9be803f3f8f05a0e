"""Shared by the tests of datasets whose classes are no digits."""

import re

from MNIST import cli

DIGIT = re.compile(r"\bdigits?\b", re.IGNORECASE)


def said(capsys, *words: str, code: int = 0) -> str:
    """What a command says; it speaks of no digit."""
    capsys.readouterr()
    assert cli.main(list(words)) == code
    output = "".join(capsys.readouterr())
    assert not DIGIT.search(output), output
    return output


def visible(page: str) -> str:
    """The text of an HTML page, without its scripts, styles and tags."""
    return re.sub(r"(?s)<script.*?</script>|<style.*?</style>|<[^>]*>", " ", page)
