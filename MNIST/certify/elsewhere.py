"""An answer from a separate process: for Keras with a backend other than this process's.

Problem and answer are files in a temporary folder. The separate process runs
`python -m MNIST.certify.elsewhere <folder> <engine>`, with KERAS_BACKEND set.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from MNIST.certify.answers import Answer, answer
from MNIST.certify.participants import Participant
from MNIST.certify.problem import Problem
from MNIST.errors import CertifyError, UsageError

PATIENCE = 3600.0  # seconds; what `refuse_too_large` accepts takes an engine minutes on two cores
ROOT = Path(__file__).resolve().parents[2]  # where this program can be imported from


def answer_elsewhere(problem: Problem, participant: Participant) -> Answer:
    """A participant's answer to a problem, computed in a separate process.

    Raises UsageError if the engine's library cannot be loaded; CertifyError if the process fails otherwise
    (with the last line that it printed), or after PATIENCE.
    """
    assert participant.backend
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    with tempfile.TemporaryDirectory(prefix="certify") as files:
        folder = Path(files)
        problem.write(folder)
        try:
            process = subprocess.run(
                [sys.executable, "-m", "MNIST.certify.elsewhere", files, participant.engine],
                env={**os.environ, "KERAS_BACKEND": participant.backend, "PYTHONPATH": path},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,  # shown only if it fails
                text=True,
                errors="replace",
                timeout=PATIENCE,
            )
        except subprocess.TimeoutExpired:
            raise CertifyError(
                f"{participant.name}: no answer within {PATIENCE:g} seconds; its process was ended"
            ) from None
        if process.returncode:
            said = [line for line in process.stdout.splitlines() if line.strip()]
            last = said[-1].strip() if said else "without a word"
            if process.returncode == UsageError.exit_code:
                raise UsageError(last)
            raise CertifyError(
                f"{participant.name}: its process ended with exit code {process.returncode}: {last}"
            )
        return Answer.read(folder)


def main(folder: Path, engine: str) -> None:
    """Answer the problem in a folder; end with UsageError's exit code if the engine cannot be loaded."""
    try:
        answer(Problem.read(folder), engine).write(folder)
    except UsageError as error:
        print(error)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
