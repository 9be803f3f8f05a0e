"""README, docs and usage agree: every command that is shown can be typed, every file named is there."""

import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

from MNIST.cli import COMMANDS, parse

ROOT = Path(__file__).resolve().parent.parent
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


def commands(page: Path) -> list[list[str]]:
    """The commands in a page's indented blocks, as words."""
    found = re.findall(
        r"^    (?:[A-Z]\$ |[A-Z_]+=\S+ )*python MNIST ([^\n]+)", page.read_text(), re.MULTILINE
    )
    return [shlex.split(line, comments=True) for line in found]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_is_shown_fits_its_usage(page):
    for name, *words in commands(page):
        assert name in COMMANDS
        usage = import_module(f"MNIST.commands.{name}").__doc__
        if "--help" not in words:
            parse(name, usage, words)


def test_the_options_in_the_guides_table_are_those_of_explore():
    guide = (ROOT / "docs" / "exploring.md").read_text()
    rows = re.findall(r"^\| [^|]+\| `(--[^|]+)` \|$", guide, re.MULTILINE)
    assert len(rows) > 5
    usage = import_module("MNIST.commands.explore").__doc__
    for row in rows:
        parse("explore", usage, ["Data", "scan1", *shlex.split(row.replace("`", ""))])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_into_the_project_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        if not target.startswith(("http", "mailto")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
