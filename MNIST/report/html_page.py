"""A web page in one file, which works from the disk: its frame, its colours, light and dark.

Its own policy forbids the browser to fetch anything.
"""

from collections.abc import Sequence
from html import escape


def html_page(
    title: str, body: Sequence[str], style: str = "", evaluates: bool = False, workers: bool = False
) -> str:
    """A whole HTML document of some pieces of HTML, whose texts are escaped by whoever made them.

    title: plain text, also the page's heading. style: CSS beyond the common one. evaluates: whether a script
    on it makes code of text, as plotly does: to draw lines and points, its WebGL layer compiles itself.
    workers: whether a script on it starts others beside it, from text that it carries.
    """
    return PAGE.format(
        title=escape(title),
        body="\n".join(body),
        style=STYLE + style,
        evaluation="'unsafe-eval'" if evaluates else "",
        workers="; worker-src blob:" if workers else "",
    )


PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline' \
{evaluation}; style-src 'unsafe-inline'; img-src data: blob:{workers}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""

STYLE = """\
:root { color-scheme: light dark; --ground: #fff; --text: #1a1a1a; --faint: #c8c8c8; --mark: #d55e00; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #16181c; --text: #ececec; --faint: #4a4d52; --mark: #ff9a4d; }
}
body { margin: 0 auto; padding: 1rem 1.25rem 2rem; max-width: 100rem; background: var(--ground);
  color: var(--text); font: 16px/1.5 system-ui, "Segoe UI", Roboto, Arial, sans-serif; }
h1 { font-size: 1.4rem; margin: 0 0 .5rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 1rem 0 .25rem; }
p { max-width: 60rem; margin: .5rem 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .5rem; text-align: right; border-bottom: 1px solid var(--faint);
  max-width: 16rem; overflow-wrap: break-word; vertical-align: bottom; }
"""
