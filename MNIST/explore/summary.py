"""The words about an exploration: before it, what it will take; after it, what came out."""

import sys
from collections import Counter
from pathlib import Path

from MNIST.explore.cheaper import cheaper_words
from MNIST.explore.loop import Outcome
from MNIST.explore.progress import varying
from MNIST.explore.ranking import Candidate, like_best
from MNIST.explore.search import Search
from MNIST.explore.trials import TrialService
from MNIST.words import counted

SHOWN = 5  # how many of the best answers, and how many reasons, are shown


def left_out(infeasible: Counter[str]) -> str:
    """Why points were left out: each reason, with the line of the template that causes it."""
    lines = [f"{counted(infeasible.total(), 'combination')} left out, because they make no network:"]
    lines += [f"{count:,} ×  {reason}" for reason, count in infeasible.most_common(SHOWN)]
    if len(infeasible) > SHOWN:
        lines.append(f"and {len(infeasible) - SHOWN:,} more reasons")
    return "\n".join(lines) + "\n"


def expectation(search: Search, known_epochs: int, folder: Path) -> str:
    """What an exploration will take: points, trials, epochs, how many are known already, disk space."""
    plan = search.plan
    asked, shared = plan.epochs_asked, plan.epochs_shared
    seeds = f" under {len(plan.seeds)} seeds" if len(plan.seeds) > 1 else ""
    points, trainings = counted(len(plan.points), "combination"), counted(len(plan.trials), "training")
    need = "needs" if len(plan.points) == 1 else "need"
    if search.proposals is not None:
        lines = [
            f"TPE proposes {counted(search.networks, 'network')}, {len(search.stages[0])} at a time, from all"
            f" answers so far: about {counted(search.epochs, 'epoch')}."
        ]
    elif shared < asked:
        saved = f"{shared:,} epochs instead of {asked:,} ({1 - shared / asked:.0%} saved)"
        lines = [f"{points}{seeds} {need} only {trainings}: {saved}."]
    else:
        lines = [f"{points}{seeds} {need} {trainings}: {counted(shared, 'epoch')}."]
    if search.halving and search.proposals is None:
        saved = f"{1 - search.epochs / asked:.0%} saved"
        lines.append(f"Successive halving needs at most {counted(search.epochs, 'epoch')} ({saved}).")
    if plan.may_stop:
        lines.append("`Stop:` may end a training sooner.")
    lines += [
        f"{counted(known_epochs, 'epoch')} {'is' if known_epochs == 1 else 'are'} known from before.",
        f"Checkpoints take {search.checkpoint_bytes / 1e6:,.0f} MB in {folder}/.",
    ]
    return "\n".join(lines) + "\n"


def print_outcome(service: TrialService, outcome: Outcome) -> None:
    """Print the reasons why trials failed, and the best answers as a table."""
    failures = Counter(outcome.failures.values())
    for reason, count in failures.most_common(SHOWN):
        print(f"failed, {count:,} ×: {reason}", file=sys.stderr)
    if not outcome.candidates:
        print("No training has an epoch to show.", file=sys.stderr)
        return
    _print_best(service, outcome.candidates)
    seeds = len(service.plan.seeds)
    if seeds > 1:
        alike = len(like_best(outcome.candidates)) - 1
        print(f"≈ {seeds} seeds cannot tell these from the best (paired t-test, 95 %): {alike:,}.\n")
    words = cheaper_words(service.plan, outcome.candidates, varying(service.plan))
    print(f"{words}\n" if words else "", end="")


def _print_best(service: TrialService, candidates: list[Candidate]) -> None:
    from rich import box
    from rich.table import Table

    from MNIST.report.terminal.whole_rows import console_of_whole_rows

    names, several = varying(service.plan), len(service.plan.seeds) > 1
    alike = {id(candidate) for candidate in like_best(candidates)}
    shown = f"The best {SHOWN} of {len(candidates):,}" if len(candidates) > SHOWN else "All"
    table = Table(title=f"{shown}, by validation accuracy", title_justify="left", box=box.SIMPLE)
    for heading in ("Validation", *(["±"] if several else []), "Loss", "Training", "Seconds"):
        table.add_column(heading, justify="right")
    table.add_column("Values")
    for place, candidate in enumerate(candidates[:SHOWN]):
        reading, values = candidate.reading, {name: candidate.value(name) for name in names}
        mark = "≈ " if several and place and id(candidate) in alike else ""
        table.add_row(
            f"{mark}{reading.mean('val_accuracy'):.2%}",
            *([f"{reading.deviation('val_accuracy'):.2%}"] if several else []),
            f"{reading.mean('val_loss'):.4f}",
            f"{reading.mean('accuracy'):.2%}",
            f"{reading.seconds:.0f}",
            ", ".join(f"{name} {'any' if value is None else value}" for name, value in values.items()),
        )
    console_of_whole_rows().print(table)
