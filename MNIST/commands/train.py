"""Train the network that a model file describes.

Usage:
    python MNIST train <dataset-dir> <model-name> <model-description-file> [options]
    python MNIST train --help

Writes Model_Output/<model-name>.txt (losses and accuracies) and Model_Output/<model-name>/ (the
network, its history, its curves, and a record of how it was trained; live.html shows the training in a
browser while it goes on). Interrupted? Start the same command again: it goes on after the last whole
epoch, and ends with the same numbers, bit for bit.

Arguments:
    <dataset-dir>               where `download` put the data
    <model-name>                letters, digits, _ and -
    <model-description-file>    a name, as optimized_model, or a path

Options:
    -s, --split SPLIT      the proportion of the training images to train on; the others are used
                           for validation [default: 0.9]
    --images N             use only the first N of the shuffled training images
    --epochs N             train for N epochs instead of the file's number
    --batch N              take N images for each step instead of the file's number
    --seed N               decides everything random [default: 0]
    --seeds SEEDS          train once under each of several seeds, as 0-9 or 0,3,7. The networks are called
                           <model-name>_0 to <model-name>_9; `test` says what they reach together
    --from NAME            begin with the weights of the trained network NAME; any engine may have trained it
    --engine NAME          compute with keras, numpy, tensors, autograd, modules (PyTorch) or sonn; without
                           it, keras, or the only engine that can train the file
    --precision KIND       float32, float64, bfloat16 (keras), or auto: bfloat16 where the engine
                           is faster in it, else float32 [default: auto]
    --threads N            threads for one operation; without it, all cores
    --fresh                train from the beginning, even if there is a network or a checkpoint
    -q, --quiet            print only warnings and errors
    --track PLACES         show each epoch in tensorboard, in wandb (Weights & Biases), or tensorboard,wandb
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from MNIST.commands import train_tracking, values
from MNIST.commands.values import (
    MOST_EPOCHS,
    MOST_IMAGES,
    MOST_THREADS,
    optional_whole_number,
    proportion,
    whole_number,
)
from MNIST.errors import DivergedError, UsageError
from MNIST.files import only_one, write_atomically
from MNIST.language import fill_classes, parse_spec, read_text
from MNIST.paths import MODEL_OUTPUT, checked_name, find_model_file
from MNIST.program import as_typed, program
from MNIST.words import counted

if TYPE_CHECKING:
    from MNIST.commands.train_live import LivePage
    from MNIST.data import About
    from MNIST.training import EpochResult, Run


def run(options: Mapping[str, Any]) -> int:
    """Train one network, or one under each seed; return 1 if any of these diverges."""
    name, folder = options["<model-name>"], as_typed(options["<dataset-dir>"])
    if options["--seeds"] is None:
        if _train_one(options):
            print(f"Next: {program()} test Results {folder} {name}")
        return 0
    seeds = values.seeds(options["--seeds"], "--seeds")
    if any(word == "--seed" or word.startswith("--seed=") for word in options["words"]):
        raise UsageError("--seed and --seeds: give one of them")
    networks = {checked_name(f"{name}_{seed}", "model name"): seed for seed in seeds}
    for network in networks:  # a mistake in the last one is found before the first one trains
        _network_before(options["--from"], network)
    trained = []
    for network, seed in networks.items():
        try:
            _train_one(_of_seed(options, seed))
            trained.append(network)
        except DivergedError as error:
            _warn(f"{network}: {error}")
        print()
    if trained:
        print(f"Next: {program()} test Results {folder} {','.join(trained)}")
    return 0 if len(trained) == len(seeds) else 1


def _of_seed(options: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """The options that train the network of one seed alone, with the command for its record."""
    of_seed = {"<model-name>": f"{options['<model-name>']}_{seed}", "--seed": str(seed), "--seeds": None}
    options = {**options, **of_seed}
    arguments = [options[name] for name in ("<dataset-dir>", "<model-name>", "<model-description-file>")]
    given = {
        name: value
        for name, value in options.items()
        if name.startswith("--") and name != "--quiet" and value
    }
    words = [name if value is True else f"{name}={value}" for name, value in given.items()]
    return {**options, "words": ["python", "MNIST", "train", *arguments, *words]}


def _train_one(options: Mapping[str, Any]) -> bool:
    """Check every value, then train; nothing is written before all are right.

    Returns whether it trained: False if this network is trained already.
    """
    name = checked_name(options["<model-name>"], "model name")
    file = find_model_file(options["<model-description-file>"])
    split = proportion(options["--split"], "--split")
    images = optional_whole_number(options["--images"], "--images")
    epochs = optional_whole_number(options["--epochs"], "--epochs", MOST_EPOCHS)
    batch = optional_whole_number(options["--batch"], "--batch", MOST_IMAGES)
    seed = whole_number(options["--seed"], "--seed", lowest=0)
    engine = values.engine(options["--engine"])
    precision = values.precision(options["--precision"])
    threads = optional_whole_number(options["--threads"], "--threads", MOST_THREADS)
    trackers = train_tracking.trackers(options["--track"])
    folder = Path(options["<dataset-dir>"])
    before = _network_before(options["--from"], name)

    from MNIST.data import class_count  # numpy, from here on

    classes = class_count(folder)
    text = fill_classes(read_text(file), classes)
    spec = parse_spec(text, str(file), classes)
    spec = replace(spec, epochs=epochs or spec.epochs, batch_size=batch or spec.batch_size)

    from MNIST import engines
    from MNIST.commands.train_live import LivePage
    from MNIST.data import load, suspicions
    from MNIST.data import split as split_images

    engine = engines.choose(spec, engine)
    dataset = load(folder)
    data = split_images(dataset, split, seed, images)

    from MNIST import training

    training.refuse_without_validation(spec, data)
    start = training.weights_of(before, spec, threads) if before else None
    settings = training.resolve_settings(
        dataset.digest,
        images=images,
        split=split,
        seed=seed,
        engine=engine,
        precision=precision,
        threads=threads,
        start=start,
    )
    busy = f"{name} is being trained by another process; wait for it, or take another name"
    with only_one(training.output_folder(name) / ".lock", busy):
        training.finish_replacing(name)
        if options["--fresh"]:
            training.remove_checkpoints(training.checkpoint_folder(name))
        elif training.is_finished(name, identity := training.run_identity(spec, settings), spec):
            print(f"{name} is trained already, by the same text, data, seed and settings:\n")
            figures = training.kept_figures(name)
            print(figures)
            write_atomically(MODEL_OUTPUT / f"{name}.txt", figures, alone=True)  # it may have been lost
            record = training.read_record(name)
            training.remove_surpassed(training.checkpoint_folder(name), identity, record.epochs)
            if record.stopped:
                print(f"Stop: ended it after epoch {record.epochs}, even if more are asked for.")
            print("Training again would give the same numbers, bit for bit; with --fresh it trains anyway.")
            train_tracking.track_finished(trackers, name, data, threads)
            return False
        run = training.Run(
            spec,
            data,
            settings,
            epochs=spec.epochs,
            checkpoint=training.checkpoint_folder(name),
            start=start,
            warn=_warn,
        )
        for suspicion in suspicions(dataset):
            _warn(f"{folder}: {suspicion}")
        heading = _heading(name, file, run, dataset.about, before)
        print(heading, flush=True)
        if other := training.other_run_there(name, run):
            _warn(f"{training.output_folder(name)} holds {other}; this run will take its place.")
        words, place = options["words"], options["<dataset-dir>"]
        with (
            train_tracking.tracking(trackers, name, run, text) as tracking,
            LivePage(name, run, heading.strip().splitlines(), text, words, place) as live,
        ):
            _train(run, live, tracking.epoch)
            _leave(name, run, text, file, dataset.about, words, live)
            train_tracking.finish(tracking, name, run.engine, data)
            train_tracking.forget_earlier(trackers, name)
        run.engine.close()
    return True


def _train(run: "Run", live: "LivePage", on_epoch: "Callable[[EpochResult], None]") -> None:
    """Train with a display and a page; if interrupted, say what is kept. on_epoch: called after them."""
    from MNIST.report.terminal.training_display import TrainingDisplay

    done = len(run.history)
    if run.is_over:
        run.train()  # trains nothing, but goes back to the weights that are kept
        return
    if done:
        print(f"Going on after epoch {done}.", flush=True)
    if done < run.epochs:
        print(f"Watch it: {live.path}, in a browser.\n", flush=True)
    with TrainingDisplay(run.epochs, done, run.steps, len(run.data.train)) as display:

        def show(result: "EpochResult") -> None:
            display.on_epoch(result)
            live.on_epoch(result)
            on_epoch(result)

        def move(steps: int, loss: float, accuracy: float) -> None:
            display.on_step(steps, loss, accuracy)
            live.on_step(steps, loss, accuracy)

        try:
            run.train(show, move)
        except KeyboardInterrupt:
            kept = f"{run.saved} of {counted(run.epochs, 'epoch')} are kept"
            _warn(f"\nStopped; {kept}. {live.goes_on}")
            raise


def _leave(
    name: str, run: "Run", text: str, file: Path, about: "About", words: list[str], live: "LivePage"
) -> None:
    """Write all files of a trained network, and say where they are."""
    from MNIST import training
    from MNIST.report.curves import curves_png
    from MNIST.report.terminal.training_display import duration

    folder = training.output_folder(name)
    rates = training.run_rates(run.spec, run.steps, run.history)
    curves = curves_png(run.history, name, run.kept.epoch, rates)
    beside = {training.CURVES: curves, **live.report()}
    training.save_trained(name, run, text, about, words, file.stem, beside)
    live.over()
    total = sum(result.seconds for result in run.history)
    print(f"\n{_kept(run)}Trained in {duration(total)}: {_outcome(run.kept)}.")
    print(f"Written: {MODEL_OUTPUT / f'{name}.txt'} and {folder}/ (see its curves.png).")


def _network_before(name: str | None, new: str) -> str | None:
    """The network whose weights the new one begins with; None without --from."""
    if name is not None and checked_name(name, "model name") == new:
        raise UsageError(f"--from {name}: a network cannot begin from itself; give the new one another name")
    return name


def _heading(name: str, file: Path, run: "Run", about: "About", before: str | None) -> str:
    settings, data = run.settings, run.data
    return (
        f"{name}: {file.stem}, {run.network.parameters:,} parameters"
        f"{f', which begin as those of {before}' if before else ''}\n"
        f"{about.name}: {counted(len(data.train), 'image')} to train on,"
        f" {len(data.validation):,} to validate{'' if about.shows_digits else f', {about.told_apart()}'}\n"
        f"{settings}\n"
    )


def _kept(run: "Run") -> str:
    """A line that says why `Stop:` ended the training and which epoch is kept; "" if it changed nothing."""
    from MNIST.training import why_over

    last, kept, stop = len(run.history), run.kept.epoch, run.spec.stop
    if run.is_over:
        return f"Stopped after epoch {last}: {why_over(stop, run.history)}; kept epoch {kept}.\n"
    if stop is None or kept == last:
        return ""
    return f"Kept epoch {kept} of {last}: it has the best validation {stop.monitor}.\n"


def _outcome(kept: "EpochResult") -> str:
    if kept.val_accuracy == kept.val_accuracy:
        return f"{kept.val_accuracy:.2%} of the validation images right"
    return f"{kept.accuracy:.2%} of the training images right"


def _warn(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
