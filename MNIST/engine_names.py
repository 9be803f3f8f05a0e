"""The engines and the precisions by name: what the command line offers, at once and without NumPy."""

ENGINES = {
    "keras": "MNIST.engines.keras.engine",
    "numpy": "MNIST.engines.scratch.on_numpy",
    "tensors": "MNIST.engines.scratch.on_tensors",
    "autograd": "MNIST.engines.scratch.on_autograd",
    "modules": "MNIST.engines.modules.engine",
    "sonn": "MNIST.engines.columns.engine",
}
"""Each is a module with `build`, `libraries`, `device`, `has_fast_bfloat16` and `PRECISIONS`; with
`kept_at_once`, if it may cut a batch into pieces."""

PRECISIONS = ("float32", "bfloat16", "float64")  # no engine has to offer all of them
