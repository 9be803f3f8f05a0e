"""A network as a script with Keras: `LAYERS` has the source of each layer type.

Maps are (batch, rows, columns, channels), as in this project. A layer with weights has its node's name, so
that the script finds its weights in the .npz file.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from math import radians, tan
from typing import Any, BinaryIO

import numpy as np

from MNIST.engines import Arrays
from MNIST.export.scripts.frame import Frame, executed, filled
from MNIST.export.scripts.source import Call, applied, call, maps, written
from MNIST.export.shared_network import SharedNetwork
from MNIST.language import Node, augmentations, inputs, layers, optimizers, schedules
from MNIST.language.optimizers import Optimizer


def script_of(shared: SharedNetwork) -> tuple[str, Arrays]:
    """The script, and the arrays that it loads: by the layer's name and Keras's name of the weight."""
    frame = Frame(shared)
    spec = shared.network.spec
    source = filled(
        "keras_script.py.jinja",
        frame,
        model=_model(shared, frame),
        optimizer=_optimizer(spec.optimizer, _rate(shared, frame)),
        callbacks=list(_callbacks(shared, frame)),
        notes=list(_left_out(shared)),
    )
    return source, {_weight_name(name): weight for name, weight in shared.weights.items()}


def answers(source: str, weights: BinaryIO, images: np.ndarray) -> np.ndarray:
    """The probabilities that the script's network, with these weights, computes: (n, classes)."""
    from MNIST.engines.keras.backend import set_threads  # which starts Keras quietly

    set_threads()
    script = executed(source)
    model = script["build_model"]()
    script["load_weights"](model, weights)
    return np.asarray(model.predict(images[..., np.newaxis], verbose=0))


def _model(shared: SharedNetwork, frame: Frame) -> str:
    """The body of `build_model`."""
    nodes = shared.network.nodes
    first = [call("keras.Input", "(28, 28, 1)"), *_augmentation(shared)]
    preparation = _preparation(shared)
    blocks = any(isinstance(node.layer, layers.Residual | layers.Parallel) for node in nodes)
    if isinstance(preparation, Call) and not blocks:
        body = [built for node in nodes if (built := _layer(node, frame)) is not None]
        listed = Call("[", (*first, preparation, *body), long=True)
        return "\n".join(written(call("keras.Sequential", listed), 4, "return "))
    graph = _Graph(frame)
    images, *changes = first
    graph.lines += written(images, 4, "inputs = ")
    tensor = "inputs"
    for change in changes:
        tensor = graph.assign("x", change, tensor)
    if isinstance(preparation, Call):
        tensor = graph.assign("x", preparation, tensor)
    else:
        graph.lines.append(f"    x = {preparation.format(tensor)}")
        tensor = "x"
    tensor = graph.chain(nodes, tensor, "x", 0)
    return "\n".join([*graph.lines, f"    return keras.Model(inputs, {tensor})"])


class _Graph:
    """The statements of Keras's functional API."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.lines: list[str] = []

    def assign(self, target: str, layer: Call, *tensors: str) -> str:
        """Append the statement that calls a layer; return the variable of its output."""
        given = tensors[0] if len(tensors) == 1 else f"[{', '.join(tensors)}]"
        self.lines += applied(layer, 4, f"{target} = ", given)
        return target

    def chain(self, nodes: Iterable[Node], tensor: str, target: str, depth: int) -> str:
        """Append nodes one after the other; return the variable of the last output.

        tensor: the variable of the input; target: that of all outputs; depth: how many blocks are around.
        """
        inner = f"_{depth}" if depth else ""
        for node in nodes:
            if isinstance(node.layer, layers.Residual):
                self.lines.append("")
                branch = self.chain(node.children, tensor, f"y{inner}", depth + 1)
                shortcut = tensor
                if node.projection_stride is not None:
                    shortcut = self.assign(f"shortcut{inner}", _projection(node), tensor)
                tensor = self.assign(target, call("layers.Add"), branch, shortcut)
            elif isinstance(node.layer, layers.Parallel):
                self.lines.append("")
                paths = [
                    self.chain(path.children, tensor, f"path{inner}_{number}", depth + 1)
                    for number, path in enumerate(node.children, start=1)
                ]
                tensor = self.assign(target, call("layers.Concatenate"), *paths) if paths[1:] else paths[0]
            elif (layer := _layer(node, self.frame)) is not None:
                tensor = self.assign(target, layer, tensor)
        return tensor


def _layer(node: Node, frame: Frame) -> Call | None:
    """The source of one layer outside blocks; None if it would change nothing."""
    made = LAYERS[type(node.layer)](node, node.layer, frame)
    changes = node.input_shape != node.output_shape
    return replace(made, comment=maps(node)) if made and changes else made


def _conv(node: Node, conv: layers.Conv, frame: Frame) -> Call:
    return call(
        "layers.Conv2D",
        conv.filters,
        _size(conv.rows, conv.columns),
        **_sliding(conv),
        kernel_initializer=_init(conv.init),
        name=_name(node),
    )


def _depthwise_conv(node: Node, conv: layers.DepthwiseConv, frame: Frame) -> Call:
    return call(
        "layers.DepthwiseConv2D",
        _size(conv.rows, conv.columns),
        **_sliding(conv),
        depthwise_initializer=_init(conv.init),
        name=_name(node),
    )


def _separable_conv(node: Node, conv: layers.SeparableConv, frame: Frame) -> Call:
    return call(
        "layers.SeparableConv2D",
        conv.filters,
        _size(conv.rows, conv.columns),
        **_sliding(conv),
        depthwise_initializer=_init(conv.init),
        pointwise_initializer=_init(conv.init),
        name=_name(node),
    )


def _dense(node: Node, dense: layers.Dense, frame: Frame) -> Call:
    return call(
        "layers.Dense",
        dense.units,
        activation=_activation(dense.activation),
        kernel_initializer=_init(dense.init),
        name=_name(node),
    )


def _pool(kind: str) -> Callable[[Node, Any, Frame], Call]:
    def build(node: Node, pool: layers.MaxPool | layers.AvgPool, frame: Frame) -> Call:
        size, padding = _size(pool.rows, pool.columns), _padding(pool.padding)
        return call(f"layers.{kind}Pooling2D", size, strides=pool.stride, padding=padding)

    return build


def _local_response_norm(node: Node, norm: layers.LocalResponseNorm, frame: Frame) -> Call:
    frame.use("LocalResponseNorm")
    return call("LocalResponseNorm", size=norm.size, alpha=norm.alpha, beta=norm.beta, k=norm.k)


def _projection(node: Node) -> Call:
    filters, stride = node.output_shape[-1], node.projection_stride
    return call(
        "layers.Conv2D",
        filters,
        1,
        strides=None if stride == 1 else stride,
        use_bias=False,
        name=f"{_name(node)}_projection",
    )


LAYERS: dict[type, Callable[[Node, Any, Frame], Call | None]] = {
    layers.Conv: _conv,
    layers.DepthwiseConv: _depthwise_conv,
    layers.SeparableConv: _separable_conv,
    layers.MaxPool: _pool("Max"),
    layers.AvgPool: _pool("Average"),
    layers.GlobalAvgPool: lambda node, pool, frame: call("layers.GlobalAveragePooling2D"),
    layers.BatchNorm: lambda node, norm, frame: call(
        "layers.BatchNormalization",
        momentum=None if norm.momentum == 0.99 else norm.momentum,
        epsilon=None if norm.epsilon == 1e-3 else norm.epsilon,
        name=_name(node),
    ),
    layers.LocalResponseNorm: _local_response_norm,
    layers.Activation: lambda node, activation, frame: call("layers.Activation", f'"{activation.name}"'),
    layers.Dropout: lambda node, dropout, frame: call("layers.Dropout", dropout.rate),
    layers.GaussianNoise: lambda node, noise, frame: call("layers.GaussianNoise", noise.standard_deviation),
    layers.Flatten: lambda node, _, frame: call("layers.Flatten") if len(node.input_shape) == 3 else None,
    layers.Dense: _dense,
    layers.Pad: lambda node, pad, frame: call("layers.ZeroPadding2D", f"({pad.rows}, {pad.columns})"),
}


def _sliding(layer: Any) -> dict[str, Any]:
    """The arguments that all convolutions have."""
    return {
        "strides": None if layer.stride == 1 else layer.stride,
        "padding": _padding(layer.padding),
        "activation": _activation(layer.activation),
    }


def _size(rows: int, columns: int) -> str:
    return f"{rows}" if rows == columns else f"({rows}, {columns})"


def _padding(padding: str) -> str | None:
    return None if padding == "valid" else padding


def _activation(name: str) -> str | None:
    return None if name == "linear" else name


def _init(name: str) -> str | None:
    return None if name == "glorot_uniform" else name  # Keras's default


def _name(node: Node) -> str:
    return node.path.replace(".", "_")


def _weight_name(name: str) -> str:
    """Our name of a weight, as residual_1.conv_1/kernel, in the script."""
    path, weight = name.replace(".", "_").split("/")
    return f"{path}_projection/kernel" if weight == "projection" else f"{path}/{weight}"


def _preparation(shared: SharedNetwork) -> Call | str:
    """The step of `Input:`, as a layer, or as an expression with a place for the images."""
    (step,) = shared.network.spec.input  # a simplified spec has one
    if isinstance(step, inputs.Threshold):
        return f'keras.ops.cast({{}} >= np.array({list(step.levels)}), "float32")'
    if isinstance(step, inputs.Standardize):
        mean, deviation = shared.pixel_statistics
        comment = f"mean {mean:.4g} and standard deviation {deviation:.4g} of the training images, in [0, 1]"
        layer = call("layers.Rescaling", 1 / (255 * deviation), offset=-mean / deviation)
        return replace(layer, comment=comment)
    return call("layers.Rescaling", "1 / 255")


def _augmentation(shared: SharedNetwork) -> list[Call]:
    """Layers that change the images while training."""
    fill: dict[str, Any] = {"fill_mode": "constant", "fill_value": float(shared.paper) or None}
    found = []
    for each in shared.network.spec.augment:
        match each:
            case augmentations.Rotate(degrees):
                found.append(call("layers.RandomRotation", f"{degrees:g} / 360", **fill))
            case augmentations.Shift(fraction):
                found.append(call("layers.RandomTranslation", fraction, fraction, **fill))
            case augmentations.Zoom(fraction):
                found.append(call("layers.RandomZoom", fraction, fraction, **fill))
            case augmentations.Shear(degrees):
                most = min(round(tan(radians(degrees)), 4), 1.0)
                found.append(call("layers.RandomShear", most, **fill))
    return found


def _optimizer(optimizer: Optimizer, rate: str) -> str:
    """The source of the optimizer. rate: the source of its learning rate."""
    given = [f"{name}={value}" for name, value in OPTIMIZERS[type(optimizer)](optimizer).items()]
    made = Call(f"keras.optimizers.{type(optimizer).__name__}(", (rate, *given))
    return "\n".join(written(made, 4, "optimizer = "))


OPTIMIZERS: dict[type, Callable[[Any], dict[str, Any]]] = {
    optimizers.SGD: lambda o: (
        {"momentum": o.momentum} | ({"nesterov": True} if o.nesterov else {}) if o.momentum else {}
    ),
    optimizers.RMSprop: lambda o: _others({"rho": 0.9, "momentum": 0.0, "epsilon": 1e-7}, o),
    optimizers.Adam: lambda o: _others({"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-7}, o),
    optimizers.AdamW: lambda o: _others(
        {"weight_decay": 0.004, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-7}, o
    ),
    optimizers.Adagrad: lambda o: (
        {"initial_accumulator_value": o.accumulator} | _others({"epsilon": 1e-7}, o)
    ),
}


def _others(defaults: dict[str, Any], optimizer: Any) -> dict[str, Any]:
    """An optimizer's values that are not Keras's defaults, under Keras's names."""
    return {
        name.replace("beta", "beta_"): getattr(optimizer, name)
        for name, usual in defaults.items()
        if getattr(optimizer, name) != usual
    }


def _rate(shared: SharedNetwork, frame: Frame) -> str:
    """The source of the learning rate: a number, or a variable for a schedule by step."""
    spec = shared.network.spec
    rate, decay = spec.optimizer.rate, spec.optimizer.decay
    match spec.schedule:
        case schedules.Constant() if decay:
            schedule = call("schedules.InverseTimeDecay", rate, decay_steps=1, decay_rate=decay)
        case schedules.Cosine(warmup=warmup, final=final):
            _count_steps(frame, warmup)
            end = [f"alpha={final} / {rate}"] if final else []
            begin = [f"warmup_target={rate}", "warmup_steps=warmup"] if warmup else []
            length = "decay_steps=max(steps - warmup, 1)" if warmup else "decay_steps=steps"
            schedule = call("schedules.CosineDecay", 0.0 if warmup else rate, length, *end, *begin)
        case schedules.OneCycle(peak=peak, warmup=warmup, final=final):
            frame.use("OneCycle")
            _count_steps(frame, warmup)
            length = "warmup=warmup" if warmup else "warmup=0"
            schedule = call(
                "OneCycle", f"rate={rate}", f"peak={peak}", f"final={final}", length, "steps=steps"
            )
        case schedules.Step(every=every, factor=factor):
            frame.before_training.append("    steps = math.ceil(TRAINING / BATCH_SIZE)")
            length = f"decay_steps={every} * steps"
            schedule = call(
                "schedules.ExponentialDecay", rate, length, f"decay_rate={factor}", "staircase=True"
            )
        case _:
            return repr(rate)
    frame.before_training += written(schedule, 4, "learning_rate = ")
    return "learning_rate"


def _count_steps(frame: Frame, warmup: float) -> None:
    """Let the script count the steps of the whole training, and those of the warm-up if there is one."""
    frame.before_training.append("    steps = EPOCHS * math.ceil(TRAINING / BATCH_SIZE)")
    if warmup:
        frame.before_training.append(f"    warmup = round({warmup} * steps)")


def _callbacks(shared: SharedNetwork, frame: Frame) -> Iterable[str]:
    """The source of each callback that `fit` gets."""
    spec = shared.network.spec
    if isinstance(spec.schedule, schedules.Plateau):
        plateau = spec.schedule
        made = call(
            "keras.callbacks.ReduceLROnPlateau",
            f'"val_{plateau.monitor}"',
            factor=plateau.factor,
            patience=plateau.patience,
            min_delta=plateau.delta,
            min_lr=plateau.min,
        )
        yield "\n".join(written(made, 8, after=","))
    if spec.stop is not None and spec.stop.patience is not None:
        made = call(
            "keras.callbacks.EarlyStopping",
            f'"val_{spec.stop.monitor}"',
            patience=spec.stop.patience,
            restore_best_weights=True,
        )
        yield "\n".join(written(made, 8, after=","))
    if spec.stop is not None and spec.stop.accuracy is not None:
        frame.use("StopAtAccuracy")
        yield "\n".join(written(call("StopAtAccuracy", spec.stop.accuracy), 8, after=","))


def _left_out(shared: SharedNetwork) -> Iterable[str]:
    """What the model file asks for and Keras does not have, in sentences."""
    spec = shared.network.spec
    if spec.optimizer.decay and spec.schedule != schedules.CONSTANT:
        yield f"The decay {spec.optimizer.decay:g} is left out, because Keras takes one schedule."
        yield "Each step's learning rate would also be divided by 1 + decay * step."
    if any(isinstance(each, augmentations.Elastic) for each in spec.augment):
        yield "Elastic is left out, because Keras has no layer for it with the same formula."
        yield "It would bend each image: every pixel moves a little, and its neighbours"
        yield "move almost alike."
