"""All of it, once, quickly: what a newcomer runs first.

Usage:
    python MNIST demo [options]
    python MNIST demo --help

Downloads MNIST, looks at it, checks a model file, trains it, tests it, explores a few hyper-parameters, and
ends with pictures, a page on which the networks answer what you draw, and a laboratory in which you train
your own; all in the folder Demo/. Each command is shown as you would type it for a folder Data of your own.
Where MNIST's mirrors are out of reach, the 1,797 handwritten digits that scikit-learn carries take its place.

Options:
    -q, --quiet    print only warnings and errors
"""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from MNIST import cli
from MNIST.errors import DownloadError
from MNIST.files import make_folder
from MNIST.paths import find_model_file
from MNIST.program import program

FOLDER = Path("Demo")

FILES = """
These files are in Demo/ now. Look at these first:
    lab.html                          write and train networks of your own, in your browser
    draw.html                         draw a digit in your browser, and both networks answer
    Results/report.html               how well they do on images that they have never seen, and
                                      where they go wrong
    Model_Output/demo/curves.png      how the first network learned
    Model_Output/demo/explained/      what each of its layers makes of one image

The others:
    {data:<33} the images and their labels, in four files as everyone publishes them
    {images:<33} some of them
    Model_Output/demo.txt             what the network reached in training and validation
    Model_Output/demo/                the network (model.keras), its history, and a record of how it
                                      was trained (run.json)
    Results.txt                       how both did on the test images, a row for each
    Results/                          which digits they confuse, and every error
    Hyperparam_Search/demo_scan/      every combination that was tried (results.csv), the best as a
                                      model file (best.txt), pictures of what mattered, and a page to
                                      look around in (parallel.html)
    Hyperparam_Search/, other files   the results of every combination, so that none is trained twice
    Model_Output/demo_scan/           the best combination, trained, for `test`

Next, train a network of your own. Copy {model} to my_net.txt, change a line, and type
{activate}    {program} check my_net.txt
    {program} train Demo/{data} my_net my_net.txt
"""

ACTIVATE = r".venv\Scripts\activate" if os.name == "nt" else "source .venv/bin/activate"
GRID = "-r 0.002,0.01 -c 8,16 -z 64 -o Adam -b 64 -v 1 -k 3 -p 2 -l 1 -d 0.1 -m 0.5"


def run(options: Mapping[str, Any]) -> int:
    """Run the commands of the main job in Demo/, then those that show the results, until one fails."""
    from MNIST.data.download import mirrors_of_environment

    os.environ["MNIST_MIRROR"] = ",".join(mirrors_of_environment())  # their paths begin here, not in Demo/
    make_folder(FOLDER)
    here = Path.cwd()
    os.chdir(FOLDER)
    try:
        data, longer, epochs = _fetch()
        failed = any(
            _type(words)
            for words in (
                f"show {data} --count 5",
                "check demo",
                f"train {data} demo demo{longer}",
                f"explore {data} demo_scan {GRID}{epochs}",
                f"test Results {data} demo,demo_scan",
                f"explain demo --image 0 --data {data}",
                "page demo,demo_scan draw.html",
                f"lab {data} lab.html",
            )
        )
    finally:
        os.chdir(here)
    if failed:
        return 1
    own = Path(sys.prefix) == here / ".venv"  # `make` made it; the user may have to activate it
    activate = f"    {ACTIVATE}\n" if own else ""
    names = {"data": f"{data}/", "images": f"{data}_images.png"}
    print(FILES.format(**names, activate=activate, program=program(), model=find_model_file("demo")))
    return 0


def _fetch() -> tuple[str, str, str]:
    """Download MNIST, or the digits if that fails; return its folder and options for `train`, `explore`."""
    try:
        _type("download Data")
        return "Data", "", " -e 1,2,3 --images 4000"
    except DownloadError:
        with suppress(OSError):
            Path("Data").rmdir()  # it is empty
        print("MNIST's mirrors are out of reach: 1,797 digits that scikit-learn carries take its place.")
        print(f"(With a copy of MNIST's four files: MNIST_MIRROR=/folder/with/them {program()} demo)")
        _type("download Digits --dataset digits")
        return "Digits", " --epochs 9", " -e 3,6,9"


def _type(words: str) -> int:
    """Show a command and run it. Only `demo` runs other commands."""
    print(f"\n$ {program()} {words}\n", flush=True)
    name, *rest = words.split()
    command = cli.module_of(name)
    return command.run(cli.parse(name, command.__doc__ or "", rest)) or 0
