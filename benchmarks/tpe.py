"""How many trials TPE needs to come close to the best network of a grid, against chance; nothing is trained.

    python -m benchmarks.tpe [<seeds>]

Every network of the grid was trained once (benchmarks/recorded_runs.py), so its epochs are known. The rest is
real: proposals, Talos, the trial service, the store. For each seed it counts the networks until one is within
0.15 points of the best of all 756, and with halving the epochs. It prints the ratios of the medians to those
of `--design random`: at most 0.50 of the networks, and with halving at most 0.25 of the epochs.
"""

import sys
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from statistics import median

from benchmarks.arguments import read_arguments
from benchmarks.recorded_runs import EPOCHS, SETTINGS, TEMPLATE, RecordedWorkers, recorded

SEEDS = 20
WITHIN = 0.0015
MOST = {"random": 755, "tpe": 200}  # networks that are tried; chance may need all but one
RUNGS = "1,2,4,8"


def main(seeds: int) -> int:
    """Search with each seed in three ways; return 1 if a target is missed."""
    chance = [networks_and_epochs("random", False, seed) for seed in range(seeds)]
    by_tpe = [networks_and_epochs("tpe", False, seed) for seed in range(seeds)]
    halving = [networks_and_epochs("tpe", True, seed) for seed in range(seeds)]
    networks, epochs = (median(counts) for counts in zip(*chance, strict=True))
    few, _ = (median(counts) for counts in zip(*by_tpe, strict=True))
    some, short = (median(counts) for counts in zip(*halving, strict=True))
    print(f"random: {networks:g} networks, {epochs:g} epochs in the median of {seeds} seeds")
    print(f"tpe: {few:g} networks, ratio {few / networks:.2f}")
    print(f"tpe with halving: {some:g} networks, {short:g} epochs, ratio {short / epochs:.2f}")
    return 0 if few <= 0.5 * networks and short <= 0.25 * epochs else 1


def networks_and_epochs(design: str, halving: bool, seed: int) -> tuple[float, float]:
    """How many networks a search asks for, and how many epochs it trains, until one is good enough."""
    from MNIST.explore.designs import make_space
    from MNIST.explore.loop import ask_all
    from MNIST.explore.search import make_search
    from MNIST.explore.store import open_store
    from MNIST.explore.trials import TrialService
    from MNIST.explore.workers.protocol import EpochDone
    from MNIST.language import parse_axis, parse_template

    template = parse_template(TEMPLATE)
    space = make_space(template, {"": parse_axis(f"epochs={RUNGS}")} if halving else {})
    search = make_search(
        space,
        template,
        replace(SETTINGS, seed=seed),
        design=design,
        fraction=MOST[design] / space.size if design == "random" else 1,
        halving=halving,
        points=MOST[design],
    )
    enough, over = best() - WITHIN, 1.0
    trained: dict[str, int] = {}
    clock = 0.0

    def note(event: object) -> None:
        """Count an epoch; let the time be up when one is good enough."""
        nonlocal clock
        if isinstance(event, EpochDone) and clock < over:
            trained[event.identity] = event.result.epoch
            is_asked = halving or event.result.epoch == EPOCHS
            clock = 2 * over if is_asked and event.result.val_accuracy >= enough else clock

    with tempfile.TemporaryDirectory() as temporary, open_store(Path(temporary) / "store.sqlite") as store:
        service = TrialService(
            search.plan, store, Path(temporary), RecordedWorkers(), deadline=over, clock=lambda: clock
        )
        outcome = ask_all(search, service, Path(temporary) / "scan", note)
    if not outcome.time_is_up:
        return float("inf"), float("inf")
    return len(trained), sum(trained.values())


@cache
def best() -> float:
    """The validation accuracy of the best network of the whole grid after its last epoch."""
    return max(epochs[EPOCHS - 1].val_accuracy for epochs in recorded().values())


if __name__ == "__main__":
    sys.exit(main(read_arguments(__doc__, seeds=SEEDS).seeds))
