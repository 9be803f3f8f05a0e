"""Tells which libraries a benchmark lacks, before it measures anything: half a comparison is no figure."""

import sys
from collections.abc import Mapping
from importlib.util import find_spec


def all_installed(peers: Mapping[str, str]) -> bool:
    """Whether all peers are there; if not, say what to install. peers: the module of each package."""
    missing = [package for package, module in peers.items() if find_spec(module) is None]
    if missing:
        print(f"Install what is compared first: pip install {' '.join(missing)}", file=sys.stderr)
    return not missing
