"""The images and labels of an epoch, in its order; a thread augments them while the epoch before trains."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from threading import Event

import numpy as np

from MNIST.data import TrainingData, augment
from MNIST.language import Augmentation
from MNIST.training.draws import augmentation_seed, epoch_order

PART = 1024  # images, about 13 ms of work; after each part the thread checks whether it should stop


class EpochImages:
    """What each epoch of a run trains on, the same for every engine.

    epochs: how many there will be; no images are made for later ones.
    bytes_ahead: how much memory the next epoch's images take beside those of this one.
    """

    def __init__(
        self, data: TrainingData, augmentations: Sequence[Augmentation], seed: int, epochs: int
    ) -> None:
        self._data, self._augmentations, self._seed, self._epochs = data, augmentations, seed, epochs
        self._next: tuple[int, Future[np.ndarray]] | None = None
        self.bytes_ahead = data.images[0].nbytes * len(data.train) if augmentations and epochs > 1 else 0

    @contextmanager
    def of(self, epoch: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Give an epoch's images, uint8 (n, 28, 28), and its labels, to train on within this context.

        Meanwhile a thread makes the next epoch's augmented images. The context waits for it at its end, but
        an exception stops it at once. An error in the thread is raised when that epoch is asked for.
        """
        labels = self._data.labels[self._order(epoch)]
        images = self._take(epoch)
        if not self._augmentations or epoch >= self._epochs:
            yield images, labels
            return
        stop = Event()
        with ThreadPoolExecutor(1, "next epoch's images") as thread:
            future = thread.submit(self._make, epoch + 1, stop)
            try:
                yield images, labels
                wait([future])
            except BaseException:
                stop.set()
                raise
        self._next = epoch + 1, future

    def _take(self, epoch: int) -> np.ndarray:
        made, self._next = self._next, None
        if made and made[0] == epoch:
            return made[1].result()
        return self._make(epoch, Event())

    def _make(self, epoch: int, stop: Event) -> np.ndarray:
        """The images of an epoch; if told to stop, it fills in only the first of them."""
        order = self._order(epoch)
        if not self._augmentations:
            return self._data.images[order]
        seed = augmentation_seed(self._seed, epoch)
        images = np.empty((len(order), *self._data.images.shape[1:]), np.uint8)
        for start in range(0, len(order), PART):
            if stop.is_set():
                break
            part = slice(start, start + PART)
            images[part] = augment(
                self._data.images, order[part], self._augmentations, seed, self._data.paper
            )
        return images

    def _order(self, epoch: int) -> np.ndarray:
        return epoch_order(self._data.train, self._seed, epoch)
