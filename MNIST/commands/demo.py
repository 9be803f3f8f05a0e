"""All of it, once, quickly: what a newcomer runs first.

Usage:
    python MNIST demo
    python MNIST demo --help

Downloads MNIST, checks a model file, trains it, tests it and explores a few hyper-parameters, in the
folder Demo/. Each command is shown as you would type it. Where MNIST's mirrors are out of reach, the
1,797 handwritten digits that scikit-learn carries take its place.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from MNIST import cli

FOLDER = Path("Demo")

FILES = """
What lies in Demo/ now:
    Data/                             the images and their labels, as everyone publishes them
    Model_Output/demo.txt             what the network reached in training and validation
    Model_Output/demo/                the network (model.keras), its learning curves (curves.png),
                                      its history, and how it came to be (run.json)
    Results.txt                       how it did on images that it had never seen
    Results/                          which digits it takes for which, and every error
    Hyperparam_Search/demo_scan/      every combination that was tried (results.csv), the best as a
                                      model file (best.txt), and pictures of what mattered

Next, a network of your own: copy Models/demo.txt, change a line, and
    python MNIST check my_net
    python MNIST train Demo/Data my_net my_net
"""


def run(options: Mapping[str, Any]) -> int:
    """Type the commands of the main job, in Demo/, until one fails."""
    FOLDER.mkdir(exist_ok=True)
    here = Path.cwd()
    os.chdir(FOLDER)
    try:
        if _type("download", "Data") == 0:
            longer, scan = [], ["--images", "4000"]
        else:
            print("\nMNIST's mirrors are out of reach: the embedded digits take its place.")
            if code := _type("download", "Data", "--dataset", "digits", "--replace"):
                return code
            longer, scan = ["--epochs", "20"], []
        scan += ["-e", "1,3", "-o", "Adam,RMSprop", "-r", "0.002,0.01", "-b", "64", "-v", "1"]
        scan += ["-c", "8", "-k", "3", "-p", "2", "-l", "1", "-z", "32", "-d", "0.1", "-m", "0.5"]
        steps = (
            ("check", "demo"),
            ("train", "Data", "demo", "demo", *longer),
            ("test", "Results", "Data", "demo"),
            ("explore", "Data", "demo_scan", *scan),
        )
        for words in steps:
            if code := _type(*words):
                return code
    finally:
        os.chdir(here)
    print(FILES)
    return 0


def _type(*words: str) -> int:
    """Show a command and run it. This is the one command whose work is to run the others."""
    print(f"\n$ python MNIST {' '.join(words)}\n", flush=True)
    return cli.main(words)
