"""Neural networks in a browser: the language, the engine and the training, for the pages that need them.

bundle.py    JavaScript modules joined to one script
table.py     the language as data: layers, arguments, bounds, defaults and help, for language/
kernels.py   the compiled loops of engine/ as text

In the browser, one way, each needing only those below it:
saving/      a trained network as a zip and back; digits that somebody drew as arrays of NumPy
training/    runs in workers: order, rates, batches over the workers, sums in a fixed order
engine/      forward and backward passes of every layer on WebAssembly's memory; kernels.c has the hot loops
language/    from a text to a spec and its network, by the table of the language

drawing/     a sheet to draw on, its ink as 28×28 pixels, answers as bars, maps as pictures
base64.js    bytes that a page carries as text
"""

from MNIST.browser.bundle import bundle, variable
from MNIST.browser.kernels import kernels_in_base64
from MNIST.browser.table import language_table

__all__ = ["bundle", "kernels_in_base64", "language_table", "variable"]
