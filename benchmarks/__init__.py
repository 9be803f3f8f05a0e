"""Benchmarks: each prints the ratio of this project's cost to a peer's, both measured in one run.

    python -m benchmarks.NAME <dataset-dir> [<rounds> [<images>]]

<dataset-dir> is a folder that `python MNIST download` has filled; some benchmarks need no data and take no
folder. Without <rounds> and <images> a benchmark measures what its docstring claims; with small numbers it
only shows that it works. `python -m benchmarks.NAME --help` prints the docstring. `python -m benchmarks.all`
runs them one after another, and writes docs/measured.md.
"""
