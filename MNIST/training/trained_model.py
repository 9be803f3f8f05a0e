"""Read a trained network from its files, without trusting them, into the engine that computes its answers."""

from contextlib import closing
from dataclasses import dataclass

import numpy as np

from MNIST import engines
from MNIST.engines import Engine
from MNIST.engines.processor import cores
from MNIST.errors import ModelError, UsageError
from MNIST.language import ModelSpec, Network, Standardize, as_text, lay_out, parse_spec
from MNIST.paths import RECORD
from MNIST.training.network_files import output_folder
from MNIST.training.record import SPEC, RunRecord, most_bytes, read_record, verified


@dataclass(frozen=True)
class EngineSetup:
    """All that decides an engine's answers but the weights.

    pixel_statistics: as in `engines.create`; None if the network does not use them.
    """

    engine: str
    network: Network
    precision: str
    threads: int
    pixel_statistics: tuple[float, float] | None


@dataclass(frozen=True)
class TrainedModel:
    """A trained network that was read back: its name, its layers, its record and the engine that holds it.

    setup: what its engine was built from; None if `load_trained` was given another engine.
    """

    name: str
    network: Network
    record: RunRecord
    engine: Engine
    setup: EngineSetup | None = None

    @property
    def spec(self) -> ModelSpec:
        """The network's model, simplified."""
        return self.network.spec


class _Spare:
    """A network that is no longer needed: another one may take over its engine, or it is closed."""

    def __init__(self, model: TrainedModel | None) -> None:
        self._model = model

    def take(self, setup: EngineSetup, content: bytes) -> Engine | None:
        """The engine, with the weights of a saved network. If its setup differs, close it and return None.

        Raises ModelError if the network could not have written these bytes.
        """
        if self._model is None or self._model.setup != setup:
            self.close()
            return None
        self._model.engine.load(content)
        engine, self._model = self._model.engine, None
        return engine

    def close(self) -> None:
        """Close the engine, if nobody took it."""
        if self._model is not None:
            self._model.engine.close()
            self._model = None


def load_trained(
    name: str,
    threads: int | None = None,
    engine: str | None = None,
    instead_of: TrainedModel | None = None,
) -> TrainedModel:
    """Read a trained network back; trust none of its files, but verify them against its record.

    threads: how many compute one operation; None: all cores. engine: the engine that computes with these
    weights, in float32; None: the engine that trained the network, in the precision that it used then.
    instead_of: a network that is no longer needed, and must not be used again. If the two differ in their
    weights alone, its engine takes those of this one, so that nothing is built; otherwise it is closed.
    Raises ModelError if anything is missing, damaged or hostile, or if a weight is not a finite number;
    UsageError if the given engine cannot compute this network.
    """
    with closing(_Spare(instead_of)) as spare:
        record = read_record(name)
        while True:
            try:
                return _loaded(name, record, threads or cores(), engine, spare)
            except ModelError:
                newer = read_record(name)
                if newer == record:
                    raise
                record = newer  # another network took this one's place while it was read


def _loaded(name: str, record: RunRecord, threads: int, engine: str | None, spare: _Spare) -> TrainedModel:
    folder = output_folder(name)
    try:
        model_file = next((file for file in record.files if file in engines.MODEL_FILES), None)
        if model_file is None:
            raise ModelError(f"{RECORD} names no file of a network")
        place = str(folder / SPEC)
        text = as_text(verified(name, SPEC, record.files.get(SPEC)), place)
        network = lay_out(parse_spec(text, place, len(record.about.classes)))
        if record.parameters != network.parameters:
            said = f"{RECORD} says {record.parameters:,} parameters"
            raise ModelError(f"{said}, and {SPEC} has {network.parameters:,}")
        content = verified(
            name, model_file, record.files.get(model_file), most_bytes(model_file, network, record.epochs)
        )
        if len(content) < 4 * network.parameters:  # before a network of that size is built
            raise ModelError(f"{model_file} is too small to hold the weights of {SPEC}")
        trainer = engines.reader_of(record.settings.engine)
        precision = engines.resolve_precision(trainer, record.settings.precision)
        statistics = record.pixel_statistics if Standardize() in network.spec.input else None
        setup = EngineSetup(trainer, network, precision, threads, statistics)
        trained = spare.take(setup, content) or engines.read_saved(
            trainer,
            network,
            content,
            precision=precision,
            threads=threads,
            pixel_statistics=record.pixel_statistics,
        )
    except (ModelError, UsageError) as error:
        raise ModelError(f"{folder}: refused: {error}") from None
    weights = trained.get_weights()
    bad = [key for key, weight in weights.items() if not np.isfinite(weight).all()]
    if bad:
        trained.close()
        raise ModelError(f"{folder}: refused: {', '.join(bad[:3])} holds values that are not finite numbers")
    if engine is not None:
        trained.close()
        try:
            trained = engines.create(
                engine,
                network,
                precision="float32",
                threads=threads,
                pixel_statistics=record.pixel_statistics,
                weights=weights,
            )
        except UsageError as error:
            raise UsageError(f"{name}: {error}") from None
        return TrainedModel(name, network, record, trained)
    return TrainedModel(name, network, record, trained, setup)
