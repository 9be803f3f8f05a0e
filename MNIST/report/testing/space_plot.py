"""The test images as a network sees them: points in space that the mouse turns, each showing its image.

plotly draws the points (4.8 MB of plotly.js go into the page); the images are pieces of the sprite.
"""

from collections.abc import Mapping

import numpy as np

from MNIST.report.classes import MANY, one_of
from MNIST.report.colours import of_classes
from MNIST.report.percentages import probability_text
from MNIST.report.sprite import Sprite
from MNIST.report.testing.comparison import Evaluation
from MNIST.report.testing.embedding import Space
from MNIST.words import counted

EYE = (1.1, 1.1, 0.715)  # from where the cube around the points is seen first, in sides of the cube
APART = 0.09  # between two classes' names as they are seen first, in sides of the cube
INVITATION = "Point at a dot to see its image"
Plot = dict[str, object]


def space_plot(evaluations: Mapping[str, Evaluation], spaces: Mapping[str, Space], sprite: Sprite) -> Plot:
    """The values for space_plot.html. Both mappings are by the networks' names."""
    from plotly.offline import get_plotlyjs

    networks = {name: _network(evaluations[name], space, sprite) for name, space in spaces.items()}
    classes = next(iter(evaluations.values())).classes
    data = {
        "classes": classes,
        "images": [one_of(label, classes) for label in range(len(classes))],
        "colours": of_classes(len(classes)),
        "legend": len(classes) <= MANY,
        "networks": networks,
        "invitation": INVITATION,
        "eye": EYE,
    }
    return {"plotly": get_plotlyjs(), "data": data}


def _network(evaluation: Evaluation, space: Space, sprite: Sprite) -> dict[str, object]:
    """The script's data: one list for each field, with one item for each image that is shown."""
    shown = space.images
    answers = evaluation.answers[shown]
    return {
        "points": [[float(f"{value:.4g}") for value in axis] for axis in space.points.T.tolist()],
        "number": evaluation.numbers[shown].tolist(),
        "place": [sprite.place(int(number)) for number in shown],
        "label": evaluation.labels[shown].tolist(),
        "answer": answers.tolist(),
        "sure": [probability_text(one) for one in evaluation.probabilities[shown, answers]],
        "text": _about(evaluation, space),
        "names": {
            label: [float(f"{value:.4g}") for value in place]
            for label, place in name_places(space.points, evaluation.labels[shown]).items()
        }
        if len(evaluation.classes) <= MANY
        else {},
    }


def name_places(points: np.ndarray, labels: np.ndarray) -> dict[int, np.ndarray]:
    """Where each class's name stands: at the median of its points, moved aside if it would cover another one.

    points: float (n, 3); labels: integer (n,). Returns float64 (3,) for each class that is there. Names are
    moved across the first view of the cube that the points fill, until they are APART in it.
    """
    low, size = points.min(axis=0), np.ptp(points, axis=0)
    cube = (points - low) / np.where(size > 0, size, 1) - 0.5
    there = np.unique(labels)
    places = np.array([np.median(cube[labels == label], axis=0) for label in there])
    far = float(np.linalg.norm(EYE))
    right = np.array([-EYE[1], EYE[0], 0]) / np.hypot(*EYE[:2])
    up = np.cross(EYE, right) / far
    for _ in range(1_000):
        nearness = far / (far - places @ EYE / far)  # what is near looks large
        seen = nearness[:, None] * (places @ np.stack([right, up]).T)
        gaps = seen[:, None] - seen[None]
        distances = np.linalg.norm(gaps, axis=2) + np.diag(np.full(len(seen), 2 * APART))
        one, other = np.unravel_index(distances.argmin(), distances.shape)
        distance = distances[one, other]
        if distance >= APART:
            break
        aside, above = gaps[one, other] / distance if distance else (1, 0)
        step = (1.01 * APART - distance) / 2 * (aside * right + above * up)
        places[one] += step / nearness[one]
        places[other] -= step / nearness[other]
    places = low + (places + 0.5) * size
    return dict(zip(there.tolist(), places, strict=True))


def _about(evaluation: Evaluation, space: Space) -> str:
    """What the plot shows and what it does not, in words."""
    shown = space.images
    errors = int((evaluation.answers[shown] != evaluation.labels[shown]).sum())
    among = f"{errors:,} of its {counted(evaluation.errors, 'error')}"
    if errors == evaluation.errors:
        among = f"all of its {counted(errors, 'error')}" if errors > 1 else counted(errors, "error")
    images = counted(evaluation.images, f"{evaluation.on} image")
    if len(shown) < evaluation.images:
        images = f"{len(shown):,} of the {images}"
    return (
        f"Shown: {images}, with {among}. The three directions keep"
        f" {space.explained * 100:.0f} % of the variance: what looks close may lie apart in the others."
    )
