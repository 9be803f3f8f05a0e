"""All files that a test writes: the page, the tables of each network, and pictures if asked for."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from MNIST.files import LEFT_BY_SYSTEMS, LOCK
from MNIST.report.testing.calibration import calibrate, calibration_png
from MNIST.report.testing.comparison import Evaluation, classes_csv, confusion_csv, errors_csv
from MNIST.report.testing.confusion_picture import confusion_png
from MNIST.report.testing.embedding import Space
from MNIST.report.testing.error_gallery import top_errors_png
from MNIST.report.testing.page import report_page

PAGE = "report.html"
PICTURES = ("_confusion.png", "_top_errors.png", "_calibration.png")
OURS = ("_errors.csv", "_confusion.csv", "_classes.csv", *PICTURES)


def foreign_file(folder: Path) -> str:
    """The name of a file in a folder that no report and no system leaves there; "" if there is none."""
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    for name in names:
        if name == LOCK or LEFT_BY_SYSTEMS.fullmatch(name):
            continue
        final = re.sub(r"^\.(.*)\.[^.]*\.tmp$", r"\1", name)  # what a killed writer left
        if final != PAGE and not final.endswith(OURS):
            return name
    return ""


def report_files(
    title: str,
    images: np.ndarray,
    evaluations: Sequence[Evaluation],
    spaces: Mapping[str, Space],
    pictures: bool = False,
) -> dict[str, str | bytes]:
    """The files by name.

    images: uint8 (n, 28, 28), the test set; spaces: of each network, by name, or empty.
    pictures: whether to write what the page shows as PNG files too; drawing them takes most of the time.
    """
    files: dict[str, str | bytes] = {}
    for evaluation in evaluations:
        name, labels, probabilities = evaluation.name, evaluation.labels, evaluation.probabilities
        files |= {
            f"{name}_errors.csv": errors_csv(evaluation),
            f"{name}_confusion.csv": confusion_csv(evaluation),
            f"{name}_classes.csv": classes_csv(evaluation),
        }
        if pictures:
            files |= {
                f"{name}_confusion.png": confusion_png(evaluation),
                f"{name}_top_errors.png": top_errors_png(images, evaluation),
                f"{name}_calibration.png": calibration_png(
                    calibrate(labels, probabilities), f"{name}: how sure it was, and how often right"
                ),
            }
    return files | {PAGE: report_page(title, images, evaluations, spaces)}
