"""What fits at the cursor: it comes from the usage texts, the folders and the list of engines."""

import re
from pathlib import Path

import pytest

from MNIST import cli
from MNIST.completion import answer, rejoined
from MNIST.completion.usage import argument, options
from MNIST.engine_names import ENGINES, PRECISIONS
from MNIST.paths import model_file_names


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A folder with three networks, an unfinished training and an exploration."""
    monkeypatch.chdir(tmp_path)
    for name in "net_0", "net_1", "other", "bad name":
        Path("Model_Output", name).mkdir(parents=True)
        Path("Model_Output", name, "run.json").touch()
    Path("Model_Output/half/checkpoint").mkdir(parents=True)
    for name in "scan", "checkpoints":
        Path("Hyperparam_Search", name).mkdir(parents=True)
    return tmp_path


def fits(line: str) -> list[str]:
    """The words that fit behind `mnist `, and the kind of paths in brackets."""
    found = answer(line.split(" "), cli.USAGE, cli.usage_of)
    return [word for word, _ in found.words] + [f"({found.paths})"] * (found.paths != "nothing")


def test_every_command_is_known_with_all_its_options_and_arguments():
    assert {word for word in fits("") if word[0] != "-"} == {*cli.COMMANDS}
    for command in cli.COMMANDS:
        usage = cli.usage_of(command)
        assert usage == (cli.module_of(command).__doc__ or "").strip()
        known = {option.name for option in options(usage)}
        pattern = usage.split("Usage:\n")[1].split("\n\n")[0]
        assert set(re.findall(r"--[\w-]+", pattern)) - {"--help"} <= known
        assert all(option.about for option in options(usage)), command
        line = pattern.splitlines()[0]
        names = [name.removesuffix("...") for name in re.findall(r"<[\w-]+>(?:\.\.\.)?", line)]
        said = re.findall(r" (--[\w-]+)", re.sub(r"\[[^]]*\]", "", line))
        assert [argument(usage, place, said) for place in range(len(names))] == names


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("tr", ["train"]),
        ("--v", ["--version"]),
        ("nonsense ", []),
        ("test R ", ["(folders)"]),
        ("test ", []),
        ("test R D ", ["net_0", "net_1", "other"]),
        ("test R D net_0,", ["net_0,net_1", "net_0,other"]),
        ("test R D net_0+net_1,o", ["net_0+net_1,other"]),
        ("test R D x ", []),
        ("test R D --engine ten", ["tensors"]),
        ("test R D --engine=ten", ["--engine=tensors"]),
        ("test R D --thr", ["--threads"]),
        ("test R D --threads ", []),
        ("test R D --threads 2 net_1", ["net_1"]),
        ("test R D --json --js", []),
        ("explore D x --set a=1 --se", ["--set", "--seed"]),
        ("explore D x -t opti", ["optimized_model", "(files)"]),
        ("train D ne", ["net_0", "net_1"]),
        ("train D ha", ["half"]),
        ("train D new --from o", ["other"]),
        ("train D new lenet", ["lenet5", "(files)"]),
        ("train -- D new lenet", ["lenet5", "(files)"]),
        ("train D new -- --", ["(files)"]),
        ("rate D m --from ", []),
        ("predict net_0 a.png b", ["(files)"]),
        ("explain net_0 --image 1 ", []),
        ("explain net_0 ", ["(files)"]),
        ("list o", []),
        ("list --diff net_0 o", ["other"]),
        ("prune --explorations ", ["scan"]),
        ("prune --networks net_0,o", ["net_0,other"]),
        ("lab D lab.html --models lenet5,mlp9", ["lenet5,mlp995", "(files)"]),
        ("completion ", ["bash", "zsh", "fish"]),
        ("check a.txt --data ", ["(folders)"]),
        ("--debug check a.txt --data ", ["(folders)"]),
        ("check a.txt --debug", ["--debug"]),
    ],
)
def test_what_fits(line, expected, here):
    assert fits(line) == expected


def test_nothing_is_written_twice(here):
    assert fits("train D x y --engine ") == [*ENGINES]
    assert fits("train D x y --precision ") == ["auto", *PRECISIONS]
    assert fits("check ") == [*model_file_names(), "(files)"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["test", "--engine", "=", "nu"], (["test", "--engine=nu"], len("--engine="))),
        (["test", "--engine", "="], (["test", "--engine="], len("--engine="))),
        (["explore", "--cluster", "host", ":", "12"], (["explore", "--cluster", "host:12"], len("host:"))),
        (["check", "'my net.txt'", "a\\ b", ""], (["check", "my net.txt", "a b", ""], 0)),
        (["check", "'my n"], (["check", "my n"], 0)),
    ],
)
def test_words_that_bash_has_split_are_put_together(words, expected):
    assert rejoined(words) == expected


def test_an_option_of_every_command_is_completed_behind_a_full_name_too(capsys):
    assert cli.main(["completion", "bash", "--", "check", "example_model", "--debug"]) == 0
    assert capsys.readouterr().out == "nothing\n--debug\tshow where an error came from\n"
