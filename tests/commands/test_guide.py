"""The guide to own data, done as it is written, with sheets that the test draws."""

import re
import shlex
from pathlib import Path

import pytest
from drawn_shapes import SHAPES, drawn, photographed_sheet

from MNIST import cli

pytestmark = pytest.mark.slow

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "your_own_data.md"
BLOCK = re.compile(r"(?:^    .*\n)+", re.MULTILINE)


def test_every_command_does_what_the_guide_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for shape in SHAPES:
        Path("shapes", shape).mkdir(parents=True)
        for seed, person in enumerate(("anna", "ben")):
            photographed_sheet(shape, seed, 5, 6).save(f"shapes/{shape}/{person}.jpg")
    drawn("star", 77_777).save("a_new_picture.jpg")
    blocks = BLOCK.findall(GUIDE.read_text())
    (model,) = [block for block in blocks if "Layers:" in block]
    Path("Models").mkdir()
    Path("Models/my_net.txt").write_text(re.sub("^    ", "", model, flags=re.MULTILINE))
    commands = re.findall(r"^    python MNIST (.*)", "".join(blocks), re.MULTILINE)
    assert [line.split()[0] for line in commands] == [
        *("import", "show", "check", "train", "test", "predict", "page"),
    ]
    said = {}
    for line in commands:
        assert cli.main(shlex.split(line)) == 0, line
        said[line.split()[0]] = "".join(capsys.readouterr())
    assert "180 images found on 6 sheets" in said["import"]
    assert "153 training images and 27 test images" in said["import"]
    assert re.search(r"│ +star +│", said["predict"])
    assert Path("Results/report.html").exists()
    assert '"classes":["circle","square","star"]' in Path("draw.html").read_text()
