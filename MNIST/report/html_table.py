"""A table of texts as HTML."""

from collections.abc import Sequence
from html import escape


def html_table(head: Sequence[str], rows: Sequence[Sequence[str]], linked: bool = False) -> str:
    """A table that scrolls by itself where it is too wide; the first cell of each row is the row's name.

    linked: each row's name leads to the part of the page whose id is of-NAME: no other id begins so.
    """
    names = "".join(f'<th scope="col">{escape(text)}</th>' for text in head)
    body = "\n".join(
        f'<tr><th scope="row">{_name(first, linked)}</th>'
        f"{''.join(f'<td>{escape(text)}</td>' for text in rest)}</tr>"
        for first, *rest in rows
    )
    return (
        f'<div class="wide"><table>\n<thead><tr>{names}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>'
    )


def _name(text: str, linked: bool) -> str:
    return f'<a href="#of-{escape(text)}">{escape(text)}</a>' if linked else escape(text)
