"""Completion of the command line in a shell: what fits at the cursor, and the scripts by which shells ask.

Commands and options come from the usage texts; networks and model files from the folders; engines and
precisions from their list. Nothing heavy is imported: an answer must come while somebody types.

candidates      what fits
usage           what a usage text says of a command's arguments and options
mnist.bash, mnist.zsh, mnist.fish       one script for each shell
"""

from MNIST.completion.candidates import SHELLS, Answer, answer, rejoined

__all__ = ["SHELLS", "Answer", "answer", "rejoined"]
