"""Run the command line: as `python MNIST …` from the project's root, `python -m MNIST …`, or `mnist …`."""

import os
import signal
import sys

# Until a command listens to interrupts, one ends the process, without a traceback from an import.
signal.signal(signal.SIGINT, signal.SIG_DFL)

if __package__ in (None, ""):
    # `python MNIST` puts the folder MNIST/ itself first on the path, where its modules would be
    # found without their package (and `data` or `report` could shadow somebody else's).
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 - quick


def run() -> int:
    """Import the program and run one command; return its exit code."""
    from MNIST.cli import main

    return main()


if __name__ == "__main__":
    sys.exit(run())
