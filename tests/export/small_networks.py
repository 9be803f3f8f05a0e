"""Networks for the tests of export: every layer, activation and input of the language."""

from contextlib import closing

import numpy as np

from MNIST import engines
from MNIST.engines import Engine
from MNIST.export import SharedNetwork
from MNIST.language import lay_out, parse_spec
from MNIST.training import softmax
from MNIST.training.draws import initial_weights

END = "Dense,10,softmax\nOptimizer:\nAdam,0.01\n1\n32\n"
NETWORKS = {
    "blocks": """
Input:
Threshold,1,64,128
Layers:
Pad,1,0
Conv,8,3,3,relu,stride=2,padding=same
BatchNorm,epsilon=0.01
LocalResponseNorm,size=5,alpha=0.3,beta=0.6
Dropout,0.5
GaussianNoise,0.5
DepthwiseConv,3,4,elu,padding=same
SeparableConv,8,2,3,tanh,padding=same
Residual:
    Conv,12,4,2,silu,stride=2,padding=same
    BatchNorm
Residual:
    Activation,relu
    Conv,12,3,3,leaky_relu,padding=same
Parallel:
    Path:
        Conv,4,1,1,elu
    Path:
        MaxPool,3,3,stride=1,padding=same
        Conv,6,1,1,tanh
AvgPool,2,2,stride=1,padding=same
AvgPool,3,3,stride=2,padding=same
MaxPool,2,3,padding=same
Conv,5,2,1,linear
Flatten
Dense,9,relu
BatchNorm
Residual:
    Dense,9,softplus
Parallel:
    Path:
        Dense,7,sigmoid
    Path:
        Dense,4,softplus
Dense,16,sigmoid
Activation,tanh
"""
    + END,
    "standardized": "Input:\nStandardize\nLayers:\nConv,6,5,3,elu,stride=3\n"
    "DepthwiseConv,2,2,tanh\nSeparableConv,7,2,3,elu,stride=2\nFlatten\nFlatten\n" + END,
    "unweighted input": "Layers:\nAvgPool,4,4\nMaxPool,3,2,stride=2\nConv,30,2,2,silu\nGlobalAvgPool\n"
    "Dense,10,linear\nActivation,softmax\nOptimizer:\nAdam,0.01\n1\n32\n",
    "no neighbours": "Layers:\nConv,4,3,3,relu,stride=2\nLocalResponseNorm,size=9,alpha=0,beta=0\nFlatten\n"
    + END,
}
COLUMNS = "Input:\nThreshold,1,128\nLayers:\nColumns,40,7\nOptimizer:\nParallelDelta,0.05\n1\n50\n"
# The patterns are coarse, so that pooling does not erase them.
IMAGES = np.random.default_rng(0).integers(0, 256, (120, 7, 7), np.uint8).repeat(4, axis=1).repeat(4, axis=2)


def network_of(text: str) -> SharedNetwork:
    """A network whose weights are all far from 0, so that each of them affects the answers."""
    network = lay_out(parse_spec(text))
    generator = np.random.default_rng(1)
    weights = initial_weights(network, seed=0)
    for name, weight in weights.items():
        if not name.endswith("sources"):
            weight += generator.normal(0, 0.3, weight.shape).astype(np.float32)
        if name.endswith("moving_variance"):
            weight[...] = abs(weight) + 0.1
    return SharedNetwork("net", text, network, weights, (0.13, 0.31), tuple("0123456789"))


def probabilities(network: SharedNetwork, engine: str = "numpy", images: np.ndarray = IMAGES) -> np.ndarray:
    """The judge: the probabilities of one of our engines, in float32."""
    with closing(engine_of(network, engine)) as made:
        return softmax(made.logits(images))


def engine_of(network: SharedNetwork, engine: str = "numpy", precision: str = "float32") -> Engine:
    """An engine with the weights of a network."""
    return engines.create(
        engine,
        network.network,
        precision=precision,
        threads=1,
        pixel_statistics=network.pixel_statistics,
        weights=network.weights,
    )
