"""The page of a training: how it goes on while it runs, and its report when it is over.

Whoever trains hands in the numbers; nothing is read here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from MNIST.report.line_chart import Curve, LineChart, accuracy_scale, amount_scale, line_chart
from MNIST.report.news import News
from MNIST.report.templates import fill

MOST_ROWS = 50  # epochs in the table: the last ones
LEGEND = (("training", "training"), ("validation", "validation"))
HEAD = (
    "epoch",
    "loss",
    "accuracy",
    "validation loss",
    "validation accuracy",
    "learning rate",
    "images/s",
    "time",
)


@dataclass(frozen=True)
class TrainingView:
    """What the page shows. name: the network's.

    about: sentences about the network, the images and the settings. history: EpochResults from epoch 1 on.
    images: how many an epoch trains on. kept: the epoch whose weights are kept, None if that is not decided.
    text: the model file. next_steps: what to do with the network, a line of words and a command each.
    """

    name: str
    news: News
    about: Sequence[str]
    history: Sequence[Any]
    images: int
    kept: int | None = None
    text: str = ""
    next_steps: Sequence[tuple[str, str]] = ()


def live_page(view: TrainingView) -> str:
    """The page as HTML."""
    rows = [_row(epoch, view.images) for epoch in view.history[-MOST_ROWS:]]
    return fill(
        "report/training/live.html",
        view=view,
        title=view.news.title(view.name),
        charts=[chart for chart in _charts(view.history) if chart is not None],
        head=HEAD,
        rows=rows,
        epochs=len(view.history),
    )


def _charts(history: Sequence[Any]) -> list[LineChart | None]:
    """Accuracy, loss and learning rate by epoch."""
    accuracy = _curves(history, "accuracy")
    loss = _curves(history, "loss")
    rate = [Curve("rate", "learning rate", [(epoch.epoch, epoch.learning_rate) for epoch in history])]
    return [
        line_chart(
            "Accuracy", f"Accuracy by epoch: {_last(accuracy, '.2%')}.", accuracy, accuracy_scale, LEGEND
        ),
        line_chart("Loss, nats", f"Loss by epoch: {_last(loss, '.4f')}.", loss, amount_scale, LEGEND),
        line_chart(
            "Learning rate at an epoch's end",
            f"Learning rate by epoch: {_last(rate, 'g')}.",
            rate,
            amount_scale,
            (),
        ),
    ]


def _curves(history: Sequence[Any], field: str) -> list[Curve]:
    """One figure of each epoch, in training and in validation."""
    return [
        Curve(kind, kind, [(epoch.epoch, getattr(epoch, prefix + field)) for epoch in history])
        for kind, prefix in (("training", ""), ("validation", "val_"))
    ]


def _last(curves: Sequence[Curve], form: str) -> str:
    """The last number of each curve in words."""
    return ", ".join(
        f"{one.name} {format(one.points[-1][1], form)}"
        for one in curves
        if one.points and one.points[-1][1] == one.points[-1][1]
    )


def _row(epoch: Any, images: int) -> tuple[str, ...]:
    speed = f"{images / epoch.seconds:,.0f}" if epoch.seconds else "–"
    numbers = (
        (epoch.loss, ".4f"),
        (epoch.accuracy, ".2%"),
        (epoch.val_loss, ".4f"),
        (epoch.val_accuracy, ".2%"),
        (epoch.learning_rate, ".3g"),
    )
    texts = (format(value, form) if value == value else "–" for value, form in numbers)
    return f"{epoch.epoch:,}", *texts, speed, f"{epoch.seconds:.1f} s"
