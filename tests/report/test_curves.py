"""The learning curves: the epoch that is kept is marked, unless it is the last."""

from types import SimpleNamespace

from MNIST.report.curves import curves_png


def test_an_epoch_before_the_last_is_marked():
    history = [
        SimpleNamespace(epoch=epoch, loss=1 / epoch, accuracy=0.5, val_loss=2 / epoch, val_accuracy=0.4)
        for epoch in (1, 2, 3)
    ]
    plain = curves_png(history, "net")
    assert plain.startswith(b"\x89PNG")
    assert curves_png(history, "net", kept=3) == plain
    assert curves_png(history, "net", kept=2) not in (plain, curves_png(history, "net", kept=1))
