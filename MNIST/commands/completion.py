"""Print a script that completes commands, options, names and files in a shell, when you press Tab.

Usage:
    python MNIST completion <shell> [<word>...]
    python MNIST completion --help

It completes `mnist ...`, `python MNIST ...` and `python -m MNIST ...`; what other programs the shell starts
with `python` is completed as before. To switch it on in the shell that runs now:

    bash    eval "$(python MNIST completion bash)"
    zsh     eval "$(python MNIST completion zsh)"
    fish    python MNIST completion fish | source

To have it in every shell, write the output into a file, and let the shell read that when it starts: by
`source FILE` in ~/.bashrc or, below compinit, in ~/.zshrc; fish reads ~/.config/fish/conf.d/mnist.fish.

Arguments:
    <shell>    bash, zsh or fish
    <word>     with words, as the scripts give them behind --, it prints what fits in the last one's place
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from MNIST import cli, completion
from MNIST.commands import values


def run(options: Mapping[str, Any]) -> int:
    """Print a shell's script, or what fits behind some words."""
    shell = values.one_of(options["<shell>"], "<shell>", completion.SHELLS)
    words = options["<word>"]
    if not words:
        print(Path(completion.__file__).with_name(f"mnist.{shell}").read_text(encoding="utf-8"), end="")
        return 0
    replaced = 0
    if shell == "bash":
        words, replaced = completion.rejoined(words)
    fits = completion.answer(words, cli.USAGE, cli.usage_of)
    print(fits.paths)
    for word, about in fits.words:
        print(f"{word[replaced:]}\t{about}" if about else word[replaced:])
    return 0
