"""Which rows of a table are of one network: the same run, or the same values but for seed and length."""

import re
from collections.abc import Mapping, Sequence

# Names of numbers of epochs, and of those after which `Stop:` ends a training.
LENGTH = re.compile(r"(.*_)?(epochs?|patience)(_.*)?", re.IGNORECASE)
# In the tables of others, names of parameters that make no other network: how often, how long and from which
# seed it is trained.
NO_OTHER_NETWORK = re.compile(
    r"(.*_)?(epochs?|nepochs?|seed|random_?state|repeat|repetition|replicate|fold|patience)(_.*)?",
    re.IGNORECASE,
)


def networks_of(
    parameters: Mapping[str, Sequence[float | str]], rows: int, runs: Sequence[str] | None = None
) -> list[int]:
    """A number for the network of each row; rows with the same number share its noise.

    runs: for each row, the words that identify the run or the runs that it is read from, in a table of ours;
    rows with a word in common are of one network, whatever their seeds.
    """
    others = NO_OTHER_NETWORK if runs is None else LENGTH
    deciding = [values for name, values in parameters.items() if not others.fullmatch(name)]
    network = list(range(rows))
    first: dict[object, int] = {}
    for row in range(rows):
        values = tuple(value if value == value else None for value in (column[row] for column in deciding))
        for sign in (values, *(runs[row].split() if runs is not None else ())):
            network[_root(network, row)] = _root(network, first.setdefault(sign, row))  # joins the two
    return [_root(network, row) for row in range(rows)]


def _root(network: list[int], row: int) -> int:
    """The row that stands for a row's network; the way there becomes short."""
    while network[row] != row:
        network[row] = network[network[row]]
        row = network[row]
    return row
