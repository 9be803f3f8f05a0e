"""What the project's folders hold and how much room it takes; and how each thing there is removed by itself.

Whatever another process works on stays: that process holds a lock, and here each thing is removed only while
its lock is held. Links are removed, but nothing that they lead to.

networks        networks, and what lies in their folders
explorations    explorations and their trials
leftovers       what killed processes leave
folders         sizes of folders, and how one is removed
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from MNIST.errors import BusyError, StoreError
from MNIST.pruning import explorations, leftovers, networks
from MNIST.pruning.folders import Item, size

__all__ = ["KINDS", "Item", "inventory", "remove", "room"]


@dataclass(frozen=True)
class Kind:
    """A kind of items: how they are found, where the item of a name lies, and how it is removed.

    remove raises BusyError if something stays because another process uses it; StoreError or OSError if it
    cannot be removed.
    """

    find: Callable[[], Iterator[Item]]
    paths: Callable[[str], list[Path]]
    remove: Callable[[str], None]


KINDS = {
    "networks": Kind(networks.networks, networks.network_paths, networks.remove_network),
    "checkpoints": Kind(networks.checkpoints, networks.checkpoint_paths, networks.remove_checkpoint),
    "explained": Kind(networks.explained, networks.explained_paths, networks.remove_explained),
    "reproduced": Kind(networks.reproduced, networks.reproduced_paths, networks.remove_reproduced),
    "explorations": Kind(
        explorations.explorations, explorations.exploration_paths, explorations.remove_exploration
    ),
    "trials": Kind(explorations.trials, explorations.trial_paths, explorations.remove_trials),
    "trial-checkpoints": Kind(
        explorations.trial_checkpoints, explorations.checkpoint_paths, explorations.remove_trial_checkpoints
    ),
    "leftovers": Kind(leftovers.leftovers, leftovers.leftover_paths, leftovers.remove_leftovers),
}
"""The kinds of items, in the order in which they are told."""


def inventory() -> list[Item]:
    """All that can be removed, kind by kind, in each kind the largest first."""
    return [item for kind in KINDS.values() for item in sorted(kind.find(), key=lambda item: -item.size)]


def room(item: Item) -> int:
    """How many bytes it gives to remove an item, with all that goes with it."""
    return size(*KINDS[item.kind].paths(item.name))


def remove(item: Item) -> tuple[int, str]:
    """Remove an item. Returns how many bytes that gave, and why something of it stays: "" if nothing does."""
    paths = KINDS[item.kind].paths(item.name)
    before, stays = size(*paths), ""
    try:
        KINDS[item.kind].remove(item.name)
    except (BusyError, StoreError) as error:
        stays = str(error)
    except OSError as error:
        stays = f"{error.filename}: {error.strerror}"
    return max(0, before - size(*paths)), stays
