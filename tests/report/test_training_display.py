"""The bar of a training on a terminal."""

from io import StringIO

import pytest
from rich.console import Console

from MNIST.report.terminal.training_display import TrainingDisplay


@pytest.mark.parametrize(
    ("loss", "shown"), [(0.25, "loss 0.2500  accuracy  90.00%"), (float("nan"), "images/s")]
)
def test_figures_that_are_not_known_yet_are_left_out(loss, shown, monkeypatch):
    stream = StringIO()
    monkeypatch.setattr(
        "rich.console.Console", lambda **_: Console(file=stream, force_terminal=True, width=200)
    )
    with TrainingDisplay(epochs=1, done=0, steps=2, images=100) as display:
        display.on_step(2, loss, 0.9 if loss == loss else loss)
    assert shown in stream.getvalue()
    assert "nan" not in stream.getvalue()
