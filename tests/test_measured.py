"""docs/measured.md is what `python -m benchmarks.all` writes; and that measures, keeps and writes figures."""

import json
import re
import shutil
from datetime import UTC, datetime

import pytest
from test_benchmarks import EVERY, IN_CHROMIUM

from benchmarks import all as measuring
from MNIST import cli
from MNIST.paths import find_model_file

NOT_REPEATED = {"browser_peers"}  # it needs packages of npm


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A copy of the figures, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return measuring.Store(shutil.copy(measuring.STORE, tmp_path / "measured.json"))


def test_the_page_shows_what_is_kept():
    assert measuring.PAGE.read_text() == measuring.page(measuring.Store())


def test_every_command_can_be_given_and_every_benchmark_is_measured():
    for name, words in measuring.NETWORKS.items():
        command = cli.module_of("train")
        options = cli.parse("train", command.__doc__, ["Data", name, *words.split()])
        assert find_model_file(options["<model-description-file>"]).exists()
    assert measuring.BENCHMARKS.keys() == {*EVERY, *IN_CHROMIUM} - NOT_REPEATED


def test_every_figure_has_its_place_on_the_page():
    named = set(re.findall(r'"(\w+)"', measuring.TEMPLATE.read_text()))
    assert named == {*measuring.NETWORKS, *measuring.BENCHMARKS}


def test_figures_are_measured_kept_and_shown_with_the_machine_and_the_day(store, digits_folder, tmp_path):
    before = dict(store.figures)
    page = tmp_path / "page.md"
    measuring.main(digits_folder, ["Mlp", "read_*"], store, page)
    kept = measuring.Store(store.path)
    assert {name for name, figure in kept.figures.items() if figure != before.get(name)} == {
        "Mlp",
        "read_data",
    }
    network, benchmark = kept.figures["Mlp"], kept.figures["read_data"]
    assert kept.machines[network.machine] == measuring.machine()
    assert network.day == datetime.now(UTC).date().isoformat()
    results = json.loads((tmp_path / "Measured" / "Model_Output" / "Mlp" / "tested.json").read_text())
    assert network.found["errors"] == results["images"] - results["correct"]
    assert network.found["parameters"] == 785 * 128 + 129 * 32 + 33 * 10
    assert network.found["validation_accuracy"] > 0.8
    assert "ratio" in benchmark.found
    measuring.main(digits_folder, ["Mlp"], kept, page)
    assert kept.figures["Mlp"] == network  # it was not trained again
    text = page.read_text()
    assert text == measuring.page(kept)
    assert f"| {network.found['errors']} | {network.machine}, {network.day} |" in text
    assert f"**`python -m benchmarks.read_data Data`** ({benchmark.machine}, {benchmark.day})" in text
    assert "    " + benchmark.found.strip() in text


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Mlp", r"MNIST train .*nothing Mlp mlp --engine numpy ended in 1"),
        ("read_data", r"benchmarks\.read_data .*nothing ended in 1"),
        ("Optimall", r"Optimall: nothing is called so; there are Optimal, Explored, .*, browser"),
    ],
)
def test_what_fails_is_named_and_leaves_the_figures_as_they_were(name, said, store, tmp_path):
    (tmp_path / "nothing").mkdir()
    before = store.path.read_bytes()
    with pytest.raises(SystemExit, match=said):
        measuring.main(tmp_path / "nothing", [name], store, tmp_path / "page.md")
    assert store.path.read_bytes() == before
    assert not (tmp_path / "page.md").exists()
