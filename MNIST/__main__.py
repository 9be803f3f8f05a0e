"""Run the command line, as `python MNIST …` from the project's root or as `python -m MNIST …`."""

import sys
from pathlib import Path

if __package__ in (None, ""):
    # `python MNIST` puts the folder MNIST/ itself first on the path, where its modules would be
    # found without their package (and `data` or `report` could shadow somebody else's).
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from MNIST.cli import main

if __name__ == "__main__":
    sys.exit(main())
