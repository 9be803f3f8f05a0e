"""Benchmarks: each prints the ratio of what this project takes to what a peer takes beside it, in one run.

    python -m benchmarks.NAME <dataset-dir> [<rounds> [<images>]]

<dataset-dir> is a folder that `python MNIST download` has filled; benchmarks that need no data do without
it. Without <rounds> and <images> a benchmark measures what its docstring claims; with small numbers it only
shows that it works. `python -m benchmarks.NAME --help` prints the docstring.
"""
