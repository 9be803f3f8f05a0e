"""Ask several trained networks one after another, and name those that cannot be trusted."""

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from MNIST.errors import ModelError, UsageError


def answering(
    names: Iterable[str], images_for: Callable[[Any], Any], threads: int | None, engine: str | None
) -> Iterator[tuple[Any, Any]]:
    """Yield each network (a TrainedModel) and its logits for its images; it stays open until the next one.

    images_for: gives the images for a network, uint8 (n, 28, 28); logits: (n, classes), finite.
    Raises UsageError if the engine is not installed.
    """
    import numpy as np

    from MNIST import engines, training

    if engine is not None:
        engines.version(engine)  # raised here, because a missing library is no network's fault
    for name in names:
        try:
            model = training.load_trained(name, threads, engine)
        except (ModelError, UsageError) as error:
            print(error, file=sys.stderr)
            continue
        logits = model.engine.logits(images_for(model))
        if np.isfinite(logits).all():
            yield model, logits
        else:
            print(f"{name}: its answers are not finite numbers; it is left out", file=sys.stderr)
        model.engine.close()
