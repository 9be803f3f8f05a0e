"""Training: one epoch loop that drives every engine, and the parts that are equal for all engines."""

from MNIST.engines.metrics import cross_entropy, mean_logits, softmax
from MNIST.paths import trained_names
from MNIST.training.checkpoint import EpochResult, newest_epoch, remove_checkpoints, remove_surpassed
from MNIST.training.handed_in import HandedIn, is_handed_in, read_handed_in
from MNIST.training.history import parse_history
from MNIST.training.identity import RunSettings, run_identities, run_identity, weights_digest
from MNIST.training.inventory import Trained, describe, unfinished
from MNIST.training.laboratory import (
    LaboratoryNetwork,
    files_of,
    read_laboratory_network,
)
from MNIST.training.network_files import (
    CURVES,
    EXPLAINED,
    checkpoint_folder,
    finish_replacing,
    output_folder,
)
from MNIST.training.rate_range import RateRange, rate_range, refuse_without_gradients
from MNIST.training.rates import run_rates
from MNIST.training.record import (
    RunRecord,
    is_finished,
    kept_figures,
    other_run_there,
    read_history,
    read_model_text,
    read_record,
    refuse_other_classes,
    save_trained,
    trained_files,
    write_trained,
)
from MNIST.training.reproduction import (
    Reproduction,
    changes_here,
    first_difference,
    largest_difference,
    recorded_spec,
)
from MNIST.training.run import Run, continue_run, refuse_without_validation, resolve_settings
from MNIST.training.start import weights_of
from MNIST.training.stopping import is_over, keeps_best, kept_epoch, why_over
from MNIST.training.tested import Tested, note_tested
from MNIST.training.trained_model import TrainedModel, load_trained

__all__ = [
    "CURVES",
    "EXPLAINED",
    "EpochResult",
    "HandedIn",
    "LaboratoryNetwork",
    "RateRange",
    "Reproduction",
    "Run",
    "RunRecord",
    "RunSettings",
    "Tested",
    "Trained",
    "TrainedModel",
    "changes_here",
    "checkpoint_folder",
    "continue_run",
    "cross_entropy",
    "describe",
    "files_of",
    "finish_replacing",
    "first_difference",
    "is_finished",
    "is_handed_in",
    "is_over",
    "keeps_best",
    "kept_epoch",
    "kept_figures",
    "largest_difference",
    "load_trained",
    "mean_logits",
    "newest_epoch",
    "note_tested",
    "other_run_there",
    "output_folder",
    "parse_history",
    "rate_range",
    "read_handed_in",
    "read_history",
    "read_laboratory_network",
    "read_model_text",
    "read_record",
    "recorded_spec",
    "refuse_other_classes",
    "refuse_without_gradients",
    "refuse_without_validation",
    "remove_checkpoints",
    "remove_surpassed",
    "resolve_settings",
    "run_identities",
    "run_identity",
    "run_rates",
    "save_trained",
    "softmax",
    "trained_files",
    "trained_names",
    "unfinished",
    "weights_digest",
    "weights_of",
    "why_over",
    "write_trained",
]
