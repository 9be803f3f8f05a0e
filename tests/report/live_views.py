"""Live pages for tests, with hostile words where those of users stand."""

import time
from types import SimpleNamespace

import numpy as np

from MNIST.report.exploring.importance import Importance
from MNIST.report.exploring.influence import Influence
from MNIST.report.exploring.live import BEST, NOW, OTHER, ExplorationView, Table
from MNIST.report.line_chart import Curve
from MNIST.report.news import News
from MNIST.report.training.live import TrainingView

IMPORTANCE = Importance(np.array([[0.79, 0.81], [0.19, 0.21], [-0.02, 0.0]]), explained=0.5, points=30)
HOSTILE = "</pre></title><script>document.title = 'taken'</script><img src=http://x.org onerror=alert(1)>"


def news_of(state="runs", age=0.0, interval=2.0, headline="Exploring."):
    """age: seconds since the page was written."""
    done = 0.4 if state == "runs" else None
    return News(
        state, headline, ["12/30 trainings"], done, f"python MNIST {HOSTILE}", time.time() - age, interval
    )


def exploration_of(news, runs=3, pictures=None):
    """The view of an exploration with so many runs, of which the first is the best."""
    kinds = [BEST, NOW, *[OTHER] * runs][:runs]
    curves = [
        Curve(kind, f"{HOSTILE} {run}", [(epoch, 1 - 0.9 / (epoch + run)) for epoch in range(1, 6)])
        for run, kind in enumerate(kinds)
    ]
    values = ("0.001", HOSTILE)
    return ExplorationView(
        name="scan1",
        news=news,
        running=Table(("epoch", "validation", "rate", HOSTILE), [("3 of 5", "91.00%", *values)]),
        curves=curves,
        answers=runs,
        best=Table(
            ("place", "validation", "rate", HOSTILE), [(f"{n}", f"{99 - n}.00%", *values) for n in range(3)]
        ),
        influence=Influence(("rate", HOSTILE, "batch"), IMPORTANCE, runs),
        failures=[(f"diverged {HOSTILE}", [HOSTILE])],
        left_out=[f"3 × {HOSTILE}"],
        winner=HOSTILE,
        next_steps=[("Test its network:", HOSTILE)],
        pictures=pictures or {},
    )


def training_of(news, epochs=4):
    """The view of a training with so many epochs."""
    history = [
        SimpleNamespace(
            epoch=epoch,
            loss=2 / epoch,
            accuracy=1 - 0.5 / epoch,
            val_loss=2.1 / epoch,
            val_accuracy=1 - 0.6 / epoch,
            learning_rate=0.001,
            seconds=1.5,
        )
        for epoch in range(1, epochs + 1)
    ]
    return TrainingView(
        "net",
        news,
        [HOSTILE],
        history,
        images=300,
        kept=None,
        text=HOSTILE,
        next_steps=[("Test it:", HOSTILE)],
    )
