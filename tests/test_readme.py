"""README, docs and usage agree: every command that they show works, and every file that they name exists."""

import re
import shlex
import subprocess
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path

import pytest

from MNIST.cli import COMMANDS, module_of, parse

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
        usage = module_of(name).__doc__
        if "--help" not in words:
            parse(name, usage, words)


def networks(words: list[str]) -> dict[str, list[str]]:
    """The names of the networks that a command trains; with each, what it is trained by."""
    match words:
        case ["train", data, name, model, *options]:
            return {each: [data, model] for each in _seeded(name, options)}
        case ["explore", data, name, "--template", template, *_]:
            return {name: [data, template]}
        case ["explore", data, name, *_]:
            return {name: [data]}
    return {}


def _seeded(name: str, options: list[str]) -> list[str]:
    """The names of the networks that `train` makes: with --seeds 0-9, one for each seed."""
    if "--seeds" not in options:
        return [name]
    first, last = map(int, options[options.index("--seeds") + 1].split("-"))
    return [f"{name}_{seed}" for seed in range(first, last + 1)]


def asked(words: list[str]) -> list[str]:
    """The networks that a command asks for, and the patterns of their names."""
    match words:
        case ["test", _, _, names, *_] | ["predict" | "page" | "explain" | "export", names, *_]:
            return names.replace("+", ",").strip(",").split(",")
        case ["train", *_, "--from", name] | ["train", *_, "--from", name, "--engine", _]:
            return [name]
    return []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_network_is_trained_before_a_command_asks_for_it(page):
    there = {"--all", "class_7b.txt"}  # these stand for several
    for words in [*commands(ROOT / "README.md" if page.parent.name == "docs" else page), *commands(page)]:
        assert {name for name in asked(words) if "*" not in name} <= there, words
        there |= networks(words).keys()


def test_no_guide_takes_the_networks_of_another_one_for_its_own():
    own = {
        page: {name: by for words in commands(page) for name, by in networks(words).items()} for page in PAGES
    }
    every: dict[str, list[str]] = {}
    for page, trained in own.items():
        for name, by in trained.items():  # some disks do not tell capitals from small letters
            assert every.setdefault(name.casefold(), by) == by, (page.name, name)
    names = {name for trained in own.values() for name in trained}
    for page in PAGES:
        for pattern in {name for words in commands(page) for name in asked(words) if "*" in name}:
            assert {name for name in names if fnmatchcase(name, pattern)} <= own[page].keys(), pattern


def test_no_model_file_becomes_a_template_on_the_way():
    """`train` refuses a template, and other guides train the file of the lesson."""
    every = [words for page in PAGES for words in commands(page)]
    templates = {words[words.index("--template") + 1] for words in every if "--template" in words}
    assert templates.isdisjoint(words[3] for words in every if words[0] == "train")


def test_what_needs_quotes_has_those_of_every_shell():
    """Windows's cmd.exe knows no single quotes."""
    texts = [page.read_text() for page in PAGES] + [str(module_of(name).__doc__) for name in COMMANDS]
    assert not [found for text in texts for found in re.findall(r"'[^'\s]*[*\[][^'\s]*'", text)]


def test_the_options_in_the_guides_table_are_those_of_explore():
    guide = (ROOT / "docs" / "exploring.md").read_text()
    rows = re.findall(r"^\| [^|]+\| `(--[^|]+)` \|$", guide, re.MULTILINE)
    assert len(rows) > 5
    usage = import_module("MNIST.commands.explore").__doc__
    for row in rows:
        parse("explore", usage, ["Data", "scan1", *shlex.split(row.replace("`", ""))])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_into_the_project_leads_somewhere(page):
    for target, anchor in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", page.read_text()):
        if not target.startswith(("http", "mailto")):
            place = page.parent / target if target else page
            assert place.exists(), f"{page.name}: {target}"
            assert not anchor or anchor in anchors(place), f"{page.name}: {target}#{anchor}"


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives to a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def written(words: list[str]) -> list[str]:
    """The files that a command writes, given its words, relative to the project's folder."""
    match words:
        case ["demo"]:
            return ["Demo/Results.txt"]
        case ["download", folder, *_]:
            return [f"{folder}/train-images-idx3-ubyte.gz"]
        case ["import", _] | ["import", _, ("--as" | "--by-file" | "--replace"), *_]:
            return ["Model_Output/my_net/run.json", "Model_Output/my_net.txt"]
        case ["import", _, folder]:
            return [f"{folder}/classes.txt"]
        case ["draw", name]:
            return [f"{name}.svg"]
        case ["pictures", table, *_]:
            return [f"{table.removesuffix('.csv')}_pictures/Front.png"]
        case ["rate", _, name, *_]:
            return [f"{name}_rates.png"]
        case ["show", folder, *_]:
            return [f"{folder}_images.png"]
        case ["train", _, name, *options]:
            tracked = ["wandb/run-1/run-1.wandb"] if "tensorboard,wandb" in options else []
            return [f"Model_Output/{name}.txt", f"Model_Output/{name}/run.json", *tracked]
        case ["test", name, *_]:
            return [f"{name}.txt", f"{name}/report.html"]
        case ["explore", _, name, *_]:
            return [f"Hyperparam_Search/{name}/results.csv", f"Model_Output/{name}/run.json"]
        case ["export", _, file, "--with", _]:
            return [file, f"{file.removesuffix('.py')}_weights.npz"]
        case ["predict", *_, "--steps", file] | ["page" | "export", _, file] | ["lab", _, file, *_]:
            return [file]
        case ["explain", name, *_]:
            return [f"Model_Output/{name}/explained/test_247.png"]
    return []


def test_git_ignores_what_the_commands_write_but_for_two_results():
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    files = {file for page in PAGES for words in commands(page) for file in written(words)}
    assert len(files) > 20
    check = ["git", "check-ignore", "--no-index", "--stdin"]
    result = subprocess.run(check, cwd=ROOT, input="\n".join(files), capture_output=True, text=True)
    assert files - set(result.stdout.split("\n")) == {"Results.txt", "Model_Output/Optimal.txt"}


def test_the_two_results_are_of_the_main_jobs_network():
    header, *rows = (ROOT / "Results.txt").read_text().splitlines()
    assert header.split("\t")[0] == "Model_Name"
    assert [row.split("\t")[0] for row in rows] == ["Optimal"]
    losses = (ROOT / "Model_Output" / "Optimal.txt").read_text().splitlines()
    assert [line.split("\t")[0] for line in losses] == [
        "Training Loss",
        "Training Accuracy",
        "Validation Loss",
        "Validation Accuracy",
    ]
