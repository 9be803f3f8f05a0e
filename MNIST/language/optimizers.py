"""The optimizers: one frozen dataclass each, whose fields are the arguments of its line.

g is the gradient, w a weight, t the step from 0; the learning rate of step t is rate / (1 + decay · t).
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from MNIST.language.errors import Line
from MNIST.language.grammar import EPSILON, flag, keyword, positional, real

PROPORTION = real(0, 1, below=True)

# How much of a moving mean stays in a step. Keras computes 1 − BETA in single precision: nearer to 1, that
# would lose its digits, or be 0.
BETA = real(0, 0.99999)


@dataclass(frozen=True)
class Optimizer:
    """What all optimizers share.

    line: where it was written, for messages; comparing optimizers ignores it.
    follows_gradients: whether its steps need the gradient g, or it has a rule of its own.
    """

    follows_gradients: ClassVar[bool] = True

    line: Line | None = field(default=None, compare=False, repr=False, kw_only=True)
    rate: float = positional(real(0, 1e30, above=True))
    decay: float = positional(real(0, 1e6), 0.0)


@dataclass(frozen=True)
class SGD(Optimizer):
    """v ← momentum · v − rate · g, then w ← w + v; with `nesterov`, w ← w + momentum · v − rate · g.

    Source: Sutskever et al. (2013), On the importance of initialization and momentum in deep learning.
    """

    momentum: float = keyword(BETA, 0.0)
    nesterov: bool = keyword(flag(), False)


@dataclass(frozen=True)
class RMSprop(Optimizer):
    """s ← rho · s + (1 − rho) · g², v ← momentum · v + rate · g / √(s + epsilon), w ← w − v.

    Source: Hinton (2012), Neural Networks for Machine Learning, lecture 6e.
    """

    rho: float = keyword(BETA, 0.9)
    momentum: float = keyword(BETA, 0.0)
    epsilon: float = keyword(EPSILON, 1e-7)


@dataclass(frozen=True)
class Adam(Optimizer):
    """m ← beta1 · m + (1 − beta1) · g, s ← beta2 · s + (1 − beta2) · g², with n = t + 1:

    w ← w − rate · √(1 − beta2ⁿ) / (1 − beta1ⁿ) · m / (√s + epsilon).
    Source: Kingma and Ba (2015), arXiv:1412.6980, with epsilon as at the end of section 2.
    """

    beta1: float = keyword(BETA, 0.9)
    beta2: float = keyword(BETA, 0.999)
    epsilon: float = keyword(EPSILON, 1e-7)


@dataclass(frozen=True)
class AdamW(Optimizer):
    """w ← w − rate · weight_decay · w, then Adam's step.

    Source: Loshchilov and Hutter (2019), arXiv:1711.05101.
    """

    beta1: float = keyword(BETA, 0.9)
    beta2: float = keyword(BETA, 0.999)
    epsilon: float = keyword(EPSILON, 1e-7)
    weight_decay: float = keyword(real(0, 1), 0.004)


@dataclass(frozen=True)
class Adagrad(Optimizer):
    """s ← s + g², beginning at `accumulator`, then w ← w − rate · g / √(s + epsilon).

    Source: Duchi, Hazan and Singer (2011), Adaptive subgradient methods.
    """

    accumulator: float = keyword(real(0, 1e6), 0.1)
    epsilon: float = keyword(EPSILON, 1e-7)


@dataclass(frozen=True)
class ParallelDelta(Optimizer):
    """The learning rule of Columns, without gradients: the votes of a column are corrected neuron by neuron.

    An image is a lesson if the votes of its own column lead those of the best other column by less than the
    required lead. In a lesson, those neurons of the two columns learn whose sum is within `reach` of their
    threshold. In the true column, the weights of active connections grow by rate, and thresholds fall by
    rate; in the other column, weights shrink and thresholds rise. These changes are summed over the batch.
    The required lead grows while fewer than a proportion `lessons` of the images are lessons, and shrinks
    while more are. After each epoch, the proportion `prune` of the connections, those that contribute least,
    are removed, and as many grow elsewhere.
    Source: Auer, Burgsteiner and Maass (2008), A learning rule for very simple universal approximators
    consisting of a single layer of perceptrons; learning near the threshold only, as in Widrow and Winter
    (1988), Neural nets for adaptive filtering and adaptive pattern recognition; pruning and regrowth as in
    Mocanu et al. (2018), Scalable training of artificial neural networks with adaptive sparse connectivity.
    """

    follows_gradients = False

    reach: float = keyword(real(0, 1e6, above=True), 1.0)
    lessons: float = keyword(PROPORTION, 0.1)
    prune: float = keyword(PROPORTION, 0.2)


@dataclass(frozen=True)
class LeastSquares(Optimizer):
    """The last layer is computed at once, by ridge regression; all other layers stay as they are.

    x are the numbers that the last layer gets of an image, t those that it should give: 1 for the image's
    class, 0 for the others. In each epoch W and b are those that minimize, over its n images,
    Σ |x W + b − t|² + ridge · n · q · |W|², where q is the mean of the inputs' variances. Then
    w ← w + rate · (s · w* − w), where w is the kernel or the bias and w* is W or b. The number s makes logits
    of them: of all s up to 100, softmax(s · (x W + b)) has the least cross-entropy, over the last tenth of
    the images, with the W and b of the other nine.
    Source: Hoerl and Kennard (1970), Ridge regression; random layers before it: Schmidt, Kraaijveld and Duin
    (1992), Feedforward neural networks with random weights; s: Guo et al. (2017), On calibration of modern
    neural networks, arXiv:1706.04599.
    """

    follows_gradients = False

    rate: float = positional(real(0, 1, above=True), 1.0)
    ridge: float = keyword(real(1e-9, 1e6), 1e-5)


OPTIMIZERS: dict[str, type[Optimizer]] = {
    "SGD": SGD,
    "Momentum": SGD,
    "Nesterov": SGD,
    "RMSprop": RMSprop,
    "Adam": Adam,
    "AdamW": AdamW,
    "Adagrad": Adagrad,
    "ParallelDelta": ParallelDelta,
    "LeastSquares": LeastSquares,
}

# Names that mean one of these optimizers with other defaults.
SPELLINGS: dict[str, dict[str, Any]] = {
    "Momentum": {"momentum": 0.9},
    "Nesterov": {"momentum": 0.9, "nesterov": True},
}
