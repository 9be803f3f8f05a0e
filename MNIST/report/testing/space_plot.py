"""The test images as a network sees them: points in space that the mouse turns, each showing its image.

plotly draws the points (4.8 MB of plotly.js go into the page); the images are pieces of the sprite.
"""

from collections.abc import Mapping

from MNIST.report.colours import DIGITS
from MNIST.report.percentages import probability_text
from MNIST.report.sprite import Sprite
from MNIST.report.testing.comparison import Evaluation
from MNIST.report.testing.embedding import Space
from MNIST.words import counted

INVITATION = "Point at a dot to see its image"
Plot = dict[str, object]


def space_plot(evaluations: Mapping[str, Evaluation], spaces: Mapping[str, Space], sprite: Sprite) -> Plot:
    """The values for space_plot.html. Both mappings are by the networks' names."""
    from plotly.offline import get_plotlyjs

    networks = {name: _network(evaluations[name], space, sprite) for name, space in spaces.items()}
    data = {"colours": DIGITS, "networks": networks, "invitation": INVITATION}
    return {"plotly": get_plotlyjs(), "data": data}


def _network(evaluation: Evaluation, space: Space, sprite: Sprite) -> dict[str, object]:
    """The script's data: one list for each field, with one item for each image that is shown."""
    shown = space.images
    answers = evaluation.answers[shown]
    return {
        "points": [[float(f"{value:.4g}") for value in axis] for axis in space.points.T.tolist()],
        "number": shown.tolist(),
        "place": [sprite.place(int(number)) for number in shown],
        "label": evaluation.labels[shown].tolist(),
        "answer": answers.tolist(),
        "sure": [probability_text(one) for one in evaluation.probabilities[shown, answers]],
        "text": _about(evaluation, space),
    }


def _about(evaluation: Evaluation, space: Space) -> str:
    """What the plot shows and what it does not, in words."""
    shown = space.images
    errors = int((evaluation.answers[shown] != evaluation.labels[shown]).sum())
    among = f"{errors:,} of its {counted(evaluation.errors, 'error')}"
    if errors == evaluation.errors:
        among = f"all of its {counted(errors, 'error')}" if errors > 1 else counted(errors, "error")
    images = counted(evaluation.images, "test image")
    if len(shown) < evaluation.images:
        images = f"{len(shown):,} of the {images}"
    return (
        f"Shown: {images}, with {among}. The three directions keep"
        f" {space.explained * 100:.0f} % of the variance: what looks close may lie apart in the others."
    )
