"""A network as a script with PyTorch: `LAYERS` has the source of each layer type.

Maps are (batch, channels, rows, columns) there, kernels (out, in, rows, columns) or (out, in). The .npz file
has the arrays of the module's `state_dict`, under its names.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from math import ceil, prod
from typing import Any, BinaryIO

import numpy as np

from MNIST.engines import Arrays
from MNIST.export.scripts.frame import Frame, executed, filled
from MNIST.export.scripts.source import Call, Code, call, maps, sequence, written
from MNIST.export.shared_network import SharedNetwork
from MNIST.language import Elastic, Node, layers, optimizers, schedules
from MNIST.language.layer import LEAK
from MNIST.language.optimizers import Optimizer


def script_of(shared: SharedNetwork) -> tuple[str, Arrays]:
    """The script, and the arrays that it loads: those of PyTorch's `state_dict`, by its names.

    Kernels are (out, in, rows, columns) or (out, in). shared: a network without Columns.
    """
    frame = Frame(shared)
    spec = shared.network.spec
    inits = {each.init for node in shared.network.walk() for each in node.parameters if each.fan_in}
    only = next(iter(inits)) if len(inits) == 1 else None
    if only:
        frame.use(only)
    if any(isinstance(each, Elastic) for each in spec.augment):
        frame.use("displacements")
    modules = Modules(frame, {}, "", wraps=not only)
    modules.chain(shared.network.to_logits())
    source = filled(
        "torch_script.py.jinja",
        frame,
        model="\n".join(
            written(sequence("nn.Sequential", modules.code), 4, "model = " if only else "return ")
        ),
        init=only,
        convolves=any(len(each.shape) == 4 for node in shared.network.walk() for each in node.parameters),
        optimizer=_optimizer(spec.optimizer),
        scheduler=_scheduler(shared),
        by_epoch=isinstance(spec.schedule, schedules.Plateau),
        leaves_out_decay=bool(spec.optimizer.decay and spec.schedule != schedules.CONSTANT),
        smoothing=f"label_smoothing={spec.label_smoothing}" if spec.label_smoothing else "",
    )
    return source, modules.arrays


def answers(source: str, weights: BinaryIO, images: np.ndarray) -> np.ndarray:
    """The probabilities that the script's network, with these weights, computes: (n, classes)."""
    script = executed(source)
    model, torch = script["build_model"](), script["torch"]
    script["load_weights"](model, weights)
    model.eval()
    with torch.no_grad():
        logits = model(script["prepare"](torch.tensor(images)))
        return np.asarray(logits.softmax(dim=1))


class Modules:
    """Consecutive modules of an `nn.Sequential`: their source, and the arrays of their weights.

    prefix: of the arrays' names. wraps: whether each layer with weights is given to its initialiser.
    order: where each value of a flattened map stands in our order, which has the channels innermost, until
    a Dense has brought the two orders together; None if they are the same.
    """

    def __init__(self, frame: Frame, arrays: Arrays, prefix: str, wraps: bool) -> None:
        self.frame, self.arrays, self.prefix, self.wraps = frame, arrays, prefix, wraps
        self.code: list[Code] = []
        self.order: np.ndarray | None = None

    def chain(self, nodes: Iterable[Node]) -> "Modules":
        """Append nodes one after the other."""
        nodes = tuple(nodes)
        for place, node in enumerate(nodes):
            if isinstance(node.layer, layers.Flatten):
                self.flatten(node, nodes[place + 1 :])
            else:
                LAYERS[type(node.layer)](node, node.layer, self)
        if not self.code:
            self.add(call("nn.Identity"))
        return self

    def add(self, module: Call) -> None:
        """Append a module without weights."""
        self.code.append(module)

    def add_layer(self, module: Call, node: Node, kernel: str = "kernel", bias: str | None = "bias") -> None:
        """Append a layer with weights. kernel, bias: the names of the node's parameters; None for no bias."""
        name = f"{self.prefix}{len(self.code)}"
        weight = self.weight(node, kernel)
        if weight.ndim == 2 and self.order is not None:
            weight, self.order = weight[self.order], None
        elif weight.ndim == 4 and "groups" in str(module):  # each channel has a kernel of its own
            weight = weight.transpose(0, 1, 3, 2)
        self.arrays[f"{name}.weight"] = np.moveaxis(weight, (-1, -2), (0, 1))
        if bias:
            self.arrays[f"{name}.bias"] = self.weight(node, bias)
        self.code.append(self.initialised(module, node, kernel))

    def initialised(self, module: Call, node: Node, kernel: str) -> Call:
        """The module, given to the function that draws its first weights if layers differ in it."""
        (init,) = (each.init for each in node.parameters if each.name == kernel)
        if not self.wraps:
            return module
        self.frame.use(init)
        return Call(f"{init}(", (module,), comment=module.comment)

    def weight(self, node: Node, name: str) -> np.ndarray:
        return self.frame.shared.weights[f"{node.path}/{name}"]

    def inner(self, nodes: Iterable[Node], name: str) -> Code:
        """The source of a block's modules. name: of the block in the module that is appended next."""
        modules = Modules(self.frame, self.arrays, f"{self.prefix}{len(self.code)}.{name}.", self.wraps)
        return sequence("nn.Sequential", modules.chain(nodes).code)

    def flatten(self, node: Node, following: tuple[Node, ...]) -> None:
        """Append a Flatten. The next Dense takes its values in PyTorch's order: channels outermost."""
        if len(node.input_shape) == 1:
            return
        rows, columns, channels = node.input_shape
        after = next((each for each in following if not isinstance(each.layer, IN_ANY_ORDER)), None)
        if channels > 1 and rows * columns > 1:
            if after is None or not isinstance(after.layer, layers.Dense):
                self.frame.use("FlattenMaps")
                self.add(call("FlattenMaps"))
                return
            places = np.arange(rows * columns * channels).reshape(rows, columns, channels)
            self.order = places.transpose(2, 0, 1).ravel()
        self.add(call("nn.Flatten"))

    def activate(self, name: str) -> None:
        """Append an activation; linear needs none."""
        if name != "linear":
            self.add(ACTIVATIONS[name])

    def padding(self, node: Node) -> dict[str, Any]:
        """The `padding` argument of a convolution; uneven margins get a module of their own."""
        top, bottom, left, right = node.margins
        if (top, left) != (bottom, right):
            self.add(call("nn.ZeroPad2d", (left, right, top, bottom)))
            return {}
        return {"padding": _pair(top, left)} if top or left else {}


IN_ANY_ORDER = (layers.Activation, layers.Dropout, layers.GaussianNoise, layers.Flatten, layers.BatchNorm)


def _conv(node: Node, conv: layers.Conv, modules: Modules) -> None:
    sliding = modules.padding(node)
    shape = node.input_shape[-1], conv.filters
    modules.add_layer(_conv2d(node, *shape, conv, **sliding), node)
    modules.activate(conv.activation)


def _depthwise_conv(node: Node, conv: layers.DepthwiseConv, modules: Modules) -> None:
    sliding, channels = modules.padding(node), node.input_shape[-1]
    modules.add_layer(_conv2d(node, channels, channels, conv, **sliding, groups=channels), node)
    modules.activate(conv.activation)


def _separable_conv(node: Node, conv: layers.SeparableConv, modules: Modules) -> None:
    sliding, channels = modules.padding(node), node.input_shape[-1]
    first = _conv2d(node, channels, channels, conv, **sliding, groups=channels, bias=False)
    modules.add_layer(first, node, "depthwise_kernel", None)
    modules.add_layer(call("nn.Conv2d", channels, conv.filters, 1), node, "pointwise_kernel")
    modules.activate(conv.activation)


def _conv2d(node: Node, inputs: int, filters: int, conv: Any, **options: Any) -> Call:
    stride = None if conv.stride == 1 else conv.stride
    made = call("nn.Conv2d", inputs, filters, _pair(conv.rows, conv.columns), stride=stride, **options)
    return _with_shape(made, node)


def _dense(node: Node, dense: layers.Dense, modules: Modules) -> None:
    modules.add_layer(call("nn.Linear", *node.input_shape, dense.units), node)
    modules.activate(dense.activation)


def _max_pool(node: Node, pool: layers.MaxPool, modules: Modules) -> None:
    size, options = _pair(*pool.window.size), _pool_options(node, pool)
    if options is None:
        top, bottom, left, right = node.margins
        modules.add(call("nn.ConstantPad2d", (left, right, top, bottom), "-torch.inf"))
        options = {"stride": pool.stride}
    modules.add(_with_shape(call("nn.MaxPool2d", size, **options), node))


def _avg_pool(node: Node, pool: layers.AvgPool, modules: Modules) -> None:
    size, options = _pair(*pool.window.size), _pool_options(node, pool)
    if options is None:
        modules.frame.use("PaddedAvgPool")
        top, bottom, left, right = node.margins
        margins, stride = (left, right, top, bottom), _pair(*pool.window.strides)
        modules.add(_with_shape(call("PaddedAvgPool", size, stride, margins), node))
        return
    if len(options) > 1:
        options["count_include_pad"] = False
    modules.add(_with_shape(call("nn.AvgPool2d", size, **options), node))


def _pool_options(node: Node, pool: layers.MaxPool | layers.AvgPool) -> dict[str, object] | None:
    """The arguments of a pooling beside its size; None if PyTorch's poolings cannot pad so.

    With `ceil_mode` they pad one more row below and one more column at the right, for the last window.
    """
    top, bottom, left, right = node.margins
    options: dict[str, object] = {"stride": pool.stride}
    if top or left:
        options["padding"] = _pair(top, left)
    if (top, left) != (bottom, right):
        if min(pool.window.strides) == 1:
            return None
        options["ceil_mode"] = True
    return options


def _batch_norm(node: Node, norm: layers.BatchNorm, modules: Modules) -> None:
    name, shared = f"{modules.prefix}{len(modules.code)}", modules.frame.shared
    for ours, theirs in BATCH_NORM.items():
        weight = modules.weight(node, ours)
        modules.arrays[f"{name}.{theirs}"] = weight if modules.order is None else weight[modules.order]
    modules.arrays[f"{name}.num_batches_tracked"] = np.zeros((), np.int64)
    momentum = round(1 - norm.momentum, 12)  # PyTorch's is the part of the new value
    kind = "nn.BatchNorm2d" if len(node.input_shape) == 3 else "nn.BatchNorm1d"
    least = shared.training_images % shared.network.spec.batch_size or shared.network.spec.batch_size
    if least * prod(node.input_shape[:-1]) == 1:
        kind = "BatchNorm"
        modules.frame.use(kind)
    modules.add(call(kind, node.input_shape[-1], eps=norm.epsilon, momentum=momentum))


BATCH_NORM = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def _local_response_norm(node: Node, norm: layers.LocalResponseNorm, modules: Modules) -> None:
    made = call(
        "nn.LocalResponseNorm",
        norm.size,
        f"alpha={norm.size} * {norm.alpha}",
        beta=norm.beta,
        k=norm.k,
    )
    modules.add(replace(made, comment="it divides alpha by the size"))


def _global_avg_pool(node: Node, pool: layers.GlobalAvgPool, modules: Modules) -> None:
    modules.add(call("nn.AdaptiveAvgPool2d", 1))
    modules.add(call("nn.Flatten"))


def _gaussian_noise(node: Node, noise: layers.GaussianNoise, modules: Modules) -> None:
    modules.frame.use("GaussianNoise")
    modules.add(call("GaussianNoise", noise.standard_deviation))


def _pad(node: Node, pad: layers.Pad, modules: Modules) -> None:
    margins = pad.columns, pad.columns, pad.rows, pad.rows
    modules.add(call("nn.ZeroPad2d", pad.rows if pad.rows == pad.columns else margins))


def _residual(node: Node, _: layers.Residual, modules: Modules) -> None:
    modules.frame.use("Residual")
    block = modules.inner(node.children, "block")
    shortcut = call("nn.Identity")
    if node.projection_stride is not None:
        channels = node.input_shape[-1], node.output_shape[-1]
        stride = None if node.projection_stride == 1 else node.projection_stride
        shortcut = call("nn.Conv2d", *channels, 1, stride=stride, bias=False)
        kernel = modules.weight(node, "projection").transpose(3, 2, 0, 1)
        modules.arrays[f"{modules.prefix}{len(modules.code)}.shortcut.weight"] = kernel
        shortcut = modules.initialised(shortcut, node, "projection")
    modules.add(sequence("Residual", [block, shortcut]))


def _parallel(node: Node, _: layers.Parallel, modules: Modules) -> None:
    modules.frame.use("Parallel")
    paths = [modules.inner(path.children, f"paths.{n}") for n, path in enumerate(node.children)]
    modules.add(sequence("Parallel", paths))


LAYERS: dict[type, Callable[[Node, Any, Modules], None]] = {
    layers.Conv: _conv,
    layers.DepthwiseConv: _depthwise_conv,
    layers.SeparableConv: _separable_conv,
    layers.MaxPool: _max_pool,
    layers.AvgPool: _avg_pool,
    layers.GlobalAvgPool: _global_avg_pool,
    layers.BatchNorm: _batch_norm,
    layers.LocalResponseNorm: _local_response_norm,
    layers.Activation: lambda node, activation, modules: modules.activate(activation.name),
    layers.Dropout: lambda node, dropout, modules: modules.add(call("nn.Dropout", dropout.rate)),
    layers.GaussianNoise: _gaussian_noise,
    layers.Dense: _dense,
    layers.Pad: _pad,
    layers.Residual: _residual,
    layers.Parallel: _parallel,
}

ACTIVATIONS: dict[str, Call] = {
    "relu": call("nn.ReLU"),
    "leaky_relu": call("nn.LeakyReLU", LEAK),
    "elu": call("nn.ELU"),
    "silu": call("nn.SiLU"),
    "sigmoid": call("nn.Sigmoid"),
    "tanh": call("nn.Tanh"),
    "softplus": call("nn.Softplus"),
}


def _pair(first: int, second: int) -> int | tuple[int, int]:
    return first if first == second else (first, second)


def _with_shape(module: Call, node: Node) -> Call:
    """The module with the shape of the maps that it makes as a comment."""
    return replace(module, comment=maps(node))


def _optimizer(optimizer: Optimizer) -> str:
    """The statement that makes the optimizer."""
    given = OPTIMIZERS[type(optimizer)](optimizer)
    options = [f"{name}={value}" for name, value in given.items() if value is not None]
    kind = type(optimizer).__name__
    made = call(f"torch.optim.{kind}", "model.parameters()", f"lr={optimizer.rate}", *options)
    return "\n".join(written(made, 4, "optimizer = "))


OPTIMIZERS: dict[type, Callable[[Any], dict[str, object]]] = {
    optimizers.SGD: lambda o: {"momentum": o.momentum or None, "nesterov": o.nesterov or None},
    optimizers.RMSprop: lambda o: {
        "alpha": o.rho,
        "momentum": o.momentum or None,
        "eps": f"{o.epsilon}**0.5",  # ours is inside the root
    },
    optimizers.Adam: lambda o: _adam(o),
    optimizers.AdamW: lambda o: _adam(o) | {"weight_decay": o.weight_decay},
    optimizers.Adagrad: lambda o: {"initial_accumulator_value": o.accumulator, "eps": o.epsilon},
}


def _adam(o: optimizers.Adam | optimizers.AdamW) -> dict[str, object]:
    usual = (o.beta1, o.beta2) == (0.9, 0.999)
    return {"betas": None if usual else (o.beta1, o.beta2), "eps": o.epsilon}


def _scheduler(shared: SharedNetwork) -> list[str]:
    """The statements that make the scheduler; none if the learning rate stays."""
    spec = shared.network.spec
    rate, decay = spec.optimizer.rate, spec.optimizer.decay
    before = ["    steps = EPOCHS * len(loader)"]
    total = spec.epochs * ceil(shared.training_images / spec.batch_size)
    match spec.schedule:
        case schedules.Constant() if decay:
            return _scheduling("LambdaLR", f"lambda step: 1 / (1 + {decay} * step)")
        case schedules.Cosine(warmup=warmup, final=final):
            end = f"eta_min={final}" if final else None
            rise = "start_factor=1e-9"  # PyTorch refuses 0
            if (turn := round(warmup * total)) == 0:
                return before + _scheduling("CosineAnnealingLR", "steps", end)
            if turn == total:
                return before + _scheduling("LinearLR", rise, "total_iters=steps")
            return [
                *before,
                f"    turn = round({warmup} * steps)",
                *_scheduling("LinearLR", rise, "total_iters=turn", target="warmup"),
                *_scheduling("CosineAnnealingLR", "steps - turn", end, target="cosine"),
                *_scheduling("SequentialLR", "[warmup, cosine]", "milestones=[turn]"),
            ]
        case schedules.OneCycle(peak=peak, warmup=warmup, final=final):
            more = " + 1e-9" if warmup * total == 1 else ""  # PyTorch would divide by zero
            return before + _scheduling(
                "OneCycleLR",
                f"max_lr={peak}",
                "total_steps=steps",
                f"pct_start={warmup}{more}",
                'anneal_strategy="linear"',
                "cycle_momentum=False",
                f"div_factor={peak} / {rate}",
                f"final_div_factor={rate / final if final else 1e9}",
            )
        case schedules.Step(every=every, factor=factor):
            return _scheduling("StepLR", f"{every} * len(loader)", f"gamma={factor}")
        case schedules.Plateau() as plateau:
            return _scheduling(
                "ReduceLROnPlateau",
                'mode="max"' if plateau.monitor == "accuracy" else None,
                f"factor={plateau.factor}",
                f"patience={plateau.patience - 1}",
                f"threshold={plateau.delta}",
                'threshold_mode="abs"',
                f"min_lr={plateau.min}",
            )
    return []


def _scheduling(name: str, *arguments: str | None, target: str = "scheduler") -> list[str]:
    """The statement that makes a scheduler of PyTorch."""
    given = (each for each in arguments if each is not None)
    return written(call(f"lr_scheduler.{name}", "optimizer", *given), 4, f"{target} = ")
