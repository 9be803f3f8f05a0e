"""What a script with NumPy is made of: layers, first weights, optimizers, and how images are bent.

Each layer has its forward and its backward pass side by side.
Maps are (batch, rows, columns, channels), rows of numbers (batch, units). dx, dy and dW
are the gradients of the loss with respect to a layer's input x, its output y and its
weights W.
"""

import math
from functools import reduce

import numpy as np

rng = np.random.default_rng(0)


class Layer:
    """What all layers share.

    averages: arrays that are not learned, but kept from batch to batch.
    """

    weights = gradients = averages = ()


class Sequential(Layer):
    """Layers one after another. The chain rule goes through them in reverse."""

    def __init__(self, *layers):
        self.layers = layers

    def forward(self, x, training):
        for layer in self.layers:
            x = layer.forward(x, training)
        return x

    def backward(self, dy):
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy

    @property
    def weights(self):
        return [w for layer in self.layers for w in layer.weights]

    @property
    def gradients(self):
        return [dw for layer in self.layers for dw in layer.gradients]

    @property
    def averages(self):
        return [average for layer in self.layers for average in layer.averages]


class Residual(Sequential):
    """y = block(x) + shortcut(x). The shortcut is x itself, or x projected."""

    def __init__(self, block, shortcut):
        super().__init__(block, shortcut)
        self.block, self.shortcut = block, shortcut

    def forward(self, x, training):
        return self.block.forward(x, training) + self.shortcut.forward(x, training)

    def backward(self, dy):
        return self.block.backward(dy) + self.shortcut.backward(dy)


class Identity(Layer):
    """y = x."""

    def forward(self, x, training):
        return x

    def backward(self, dy):
        return dy


class Projection(Layer):
    """Each place of the map times W; with a stride, not every place."""

    def __init__(self, inputs, filters, stride):
        self.stride = stride
        self.weights = [glorot_uniform((inputs, filters), inputs, filters)]

    def forward(self, x, training):
        (W,) = self.weights
        self.shape = x.shape
        self.x = x[:, :: self.stride, :: self.stride]
        return self.x @ W

    def backward(self, dy):
        (W,) = self.weights
        inputs, filters = W.shape
        self.gradients = [self.x.reshape(-1, inputs).T @ dy.reshape(-1, filters)]
        dx = np.zeros(self.shape, dy.dtype)
        dx[:, :: self.stride, :: self.stride] = dy @ W.T
        return dx


class Parallel(Sequential):
    """Each path gets x; what comes out is put one behind another."""

    def forward(self, x, training):
        outputs = [path.forward(x, training) for path in self.layers]
        self.borders = np.cumsum([y.shape[-1] for y in outputs])[:-1]
        return np.concatenate(outputs, axis=-1)

    def backward(self, dy):
        parts = np.split(dy, self.borders, axis=-1)
        pairs = zip(self.layers, parts, strict=True)
        return sum(path.backward(part) for path, part in pairs)


class Dense(Layer):
    """y = x W + b."""

    def __init__(self, inputs, units, init):
        W = init((inputs, units), inputs, units)
        self.weights = [W, np.zeros(units, np.float32)]

    def forward(self, x, training):
        W, b = self.weights
        self.x = x
        return x @ W + b

    def backward(self, dy):
        W, _ = self.weights
        self.gradients = [self.x.T @ dy, dy.sum(axis=0)]
        return dy @ W.T


class Conv(Layer):
    """y = P W + b, where P has a row for each position of the kernel on the padded x.

    A row is the window of x that the kernel sees there.
    """

    def __init__(self, size, inputs, filters, init, stride=1, padding=(0, 0, 0, 0)):
        self.size, self.stride, self.padding = size, stride, padding
        window = size[0] * size[1]
        W = init((*size, inputs, filters), window * inputs, window * filters)
        self.weights = [W, np.zeros(filters, np.float32)]

    def forward(self, x, training):
        W, b = self.weights
        self.x = padded(x, self.padding)
        P = self.windows()
        return P @ W.reshape(-1, len(b)) + b

    def backward(self, dy):
        W, b = self.weights
        P = self.windows()
        values, filters = P.shape[-1], len(b)
        dW = P.reshape(-1, values).T @ dy.reshape(-1, filters)
        self.gradients = [dW.reshape(W.shape), dy.reshape(-1, filters).sum(axis=0)]
        dP = dy @ W.reshape(values, filters).T
        dx = np.zeros_like(self.x)
        places = offsets(dx, self.size, self.stride)
        for place, part in zip(places, np.split(dP, len(places), axis=-1), strict=True):
            dx[place] += part
        return cropped(dx, self.padding)

    def windows(self):
        """All windows of x: (batch, rows, columns, values of a window)."""
        places = offsets(self.x, self.size, self.stride)
        return np.concatenate([self.x[place] for place in places], axis=-1)


class DepthwiseConv(Layer):
    """Each channel has a kernel of its own; y sums the kernel times the padded x."""

    def __init__(self, size, channels, init, stride=1, padding=(0, 0, 0, 0), bias=True):
        self.size, self.stride, self.padding = size, stride, padding
        window = size[0] * size[1]
        W = init((*size, channels, 1), window * channels, window)
        self.weights = [W, np.zeros(channels, np.float32)] if bias else [W]

    def forward(self, x, training):
        W, *bias = self.weights
        self.x = padded(x, self.padding)
        places = offsets(self.x, self.size, self.stride)
        pairs = zip(places, kernel_rows(W), strict=True)
        return sum((self.x[place] * w for place, w in pairs), *bias)

    def backward(self, dy):
        W, *bias = self.weights
        places = offsets(self.x, self.size, self.stride)
        dW = np.stack([(self.x[place] * dy).sum(axis=(0, 1, 2)) for place in places])
        self.gradients = [dW.reshape(W.shape), *(dy.sum(axis=(0, 1, 2)) for _ in bias)]
        dx = np.zeros_like(self.x)
        for place, w in zip(places, kernel_rows(W), strict=True):
            dx[place] += dy * w
        return cropped(dx, self.padding)


class MaxPool(Layer):
    """The largest value of each window; what is padded never wins."""

    def __init__(self, size, stride, padding=(0, 0, 0, 0)):
        self.size, self.stride, self.padding = size, stride, padding

    def forward(self, x, training):
        self.x = padded(x, self.padding, -np.inf)
        places = offsets(self.x, self.size, self.stride)
        self.y = reduce(np.maximum, [self.x[place] for place in places])
        return self.y

    def backward(self, dy):
        """dy goes to the largest value; of several equal ones, to the first."""
        dx = np.zeros_like(self.x)
        missing = np.ones(dy.shape, bool)  # windows whose largest is not found yet
        for place in offsets(dx, self.size, self.stride):
            found = missing & (self.x[place] == self.y)
            dx[place] += dy * found
            missing &= ~found
        return cropped(dx, self.padding)


class AvgPool(Layer):
    """The mean of each window; what is padded does not count."""

    def __init__(self, size, stride, padding=(0, 0, 0, 0)):
        self.size, self.stride, self.padding = size, stride, padding

    def forward(self, x, training):
        self.counts = self.sums(padded(np.ones_like(x[:1]), self.padding))
        x = padded(x, self.padding)
        self.shape = x.shape
        return self.sums(x) / self.counts

    def backward(self, dy):
        """Each value of a window gets the same share of dy."""
        dx = np.zeros(self.shape, dy.dtype)
        for place in offsets(dx, self.size, self.stride):
            dx[place] += dy / self.counts
        return cropped(dx, self.padding)

    def sums(self, x):
        """The sum of each window."""
        return sum(x[place] for place in offsets(x, self.size, self.stride))


class GlobalAvgPool(Layer):
    """The mean of each channel over the whole map."""

    def forward(self, x, training):
        self.shape = x.shape
        return x.mean(axis=(1, 2))

    def backward(self, dy):
        _, rows, columns, _ = self.shape
        return np.broadcast_to(dy[:, None, None] / (rows * columns), self.shape)


class BatchNorm(Layer):
    """y = gamma * (x - mean) / deviation + beta, for each channel.

    While training, mean and deviation are the batch's; else moving averages of them.
    """

    def __init__(self, channels, momentum, epsilon):
        self.momentum, self.epsilon = momentum, epsilon
        self.weights = [np.ones(channels, np.float32), np.zeros(channels, np.float32)]
        self.averages = [np.zeros(channels, np.float32), np.ones(channels, np.float32)]

    def forward(self, x, training):
        gamma, beta = self.weights
        mean, variance = self.averages
        if training:
            axes = tuple(range(x.ndim - 1))
            batch = x.mean(axis=axes), x.var(axis=axes)
            for average, now in zip(self.averages, batch, strict=True):
                average += (1 - self.momentum) * (now - average)
            mean, variance = batch
        self.scale = 1 / np.sqrt(variance + self.epsilon)
        self.x_hat = (x - mean) * self.scale
        return gamma * self.x_hat + beta

    def backward(self, dy):
        """The two means are there because x changes the batch's mean and deviation."""
        axes = tuple(range(dy.ndim - 1))
        self.gradients = [(dy * self.x_hat).sum(axis=axes), dy.sum(axis=axes)]
        means = dy.mean(axis=axes) + self.x_hat * (dy * self.x_hat).mean(axis=axes)
        return self.weights[0] * self.scale * (dy - means)


class LocalResponseNorm(Layer):
    """y = x / t^beta, t = k + alpha * the sum of the squares of `size` channels."""

    def __init__(self, size, alpha, beta, k):
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, x, training):
        self.x = x
        self.t = self.k + self.alpha * self.neighbours(x * x)
        return x * self.t**-self.beta

    def backward(self, dy):
        inner = self.neighbours(dy * self.x * self.t ** (-self.beta - 1))
        return dy * self.t**-self.beta - 2 * self.alpha * self.beta * self.x * inner

    def neighbours(self, x):
        """For each channel, the sum of it and its neighbours."""
        channels, reach = x.shape[-1], self.size // 2
        wider = np.pad(x, ((0, 0), (0, 0), (0, 0), (reach, reach)))
        return sum(wider[..., i : i + channels] for i in range(self.size))


class ReLU(Layer):
    """y = x above 0, else 0."""

    def forward(self, x, training):
        self.y = np.maximum(x, 0)
        return self.y

    def backward(self, dy):
        return dy * (self.y > 0)


class LeakyReLU(Layer):
    """y = x above 0, else 0.2 x."""

    def forward(self, x, training):
        self.x = x
        return np.where(x > 0, x, 0.2 * x)

    def backward(self, dy):
        return np.where(self.x > 0, dy, 0.2 * dy)


class ELU(Layer):
    """y = x above 0, else exp(x) - 1."""

    def forward(self, x, training):
        self.y = np.where(x > 0, x, np.expm1(np.minimum(x, 0)))
        return self.y

    def backward(self, dy):
        return dy * np.where(self.y > 0, 1, self.y + 1)


class SiLU(Layer):
    """y = x * sigmoid(x)."""

    def forward(self, x, training):
        self.x, self.s = x, sigmoid(x)
        return x * self.s

    def backward(self, dy):
        return dy * self.s * (1 + self.x * (1 - self.s))


class Sigmoid(Layer):
    """y = 1 / (1 + exp(-x))."""

    def forward(self, x, training):
        self.y = sigmoid(x)
        return self.y

    def backward(self, dy):
        return dy * self.y * (1 - self.y)


class Tanh(Layer):
    """y = tanh(x)."""

    def forward(self, x, training):
        self.y = np.tanh(x)
        return self.y

    def backward(self, dy):
        return dy * (1 - self.y**2)


class Softplus(Layer):
    """y = log(1 + exp(x))."""

    def forward(self, x, training):
        self.x = x
        return np.logaddexp(x, 0)

    def backward(self, dy):
        return dy * sigmoid(self.x)


class Dropout(Layer):
    """While training, sets a proportion `rate` of the values to 0."""

    def __init__(self, rate):
        self.rate = rate

    def forward(self, x, training):
        if not training:
            return x
        kept = rng.random(x.shape, np.float32) >= self.rate
        self.mask = kept / np.float32(1 - self.rate)  # so that the mean stays
        return x * self.mask

    def backward(self, dy):
        return dy * self.mask


class GaussianNoise(Layer):
    """While training, adds random numbers with this standard deviation."""

    def __init__(self, deviation):
        self.deviation = deviation

    def forward(self, x, training):
        if not training:
            return x
        return x + self.deviation * rng.standard_normal(x.shape, np.float32)

    def backward(self, dy):
        return dy


class Flatten(Layer):
    """Maps as rows of numbers."""

    def forward(self, x, training):
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, dy):
        return dy.reshape(self.shape)


class Pad(Layer):
    """Rows and columns of zeros around each map."""

    def __init__(self, padding):
        self.padding = padding

    def forward(self, x, training):
        return padded(x, self.padding)

    def backward(self, dy):
        return cropped(dy, self.padding)


def offsets(x, size, stride):
    """For each value of a window, the places of x that it meets over all positions."""
    _, rows, columns, _ = x.shape
    height, width = size
    down, right = (stride, stride) if isinstance(stride, int) else stride
    return [
        np.s_[:, i : rows - height + i + 1 : down, j : columns - width + j + 1 : right]
        for i in range(height)
        for j in range(width)
    ]


def padded(x, padding, value=0):
    """A map with rows above and below it, and columns at its left and right."""
    top, bottom, left, right = padding
    widths = (0, 0), (top, bottom), (left, right), (0, 0)
    return np.pad(x, widths, constant_values=value) if any(padding) else x


def cropped(x, padding):
    """A map without the rows and columns that are around it."""
    top, bottom, left, right = padding
    _, rows, columns, _ = x.shape
    return x[:, top : rows - bottom, left : columns - right]


def kernel_rows(W):
    """A depthwise kernel's values, one row for each place of the window."""
    return W.reshape(-1, W.shape[2])


def sigmoid(x):
    """1 / (1 + exp(-x)), without overflow."""
    return np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x)))


def glorot_uniform(shape, fan_in, fan_out):
    """Draw first weights as Glorot and Bengio do."""
    limit = math.sqrt(6 / (fan_in + fan_out))
    return rng.uniform(-limit, limit, shape).astype(np.float32)


def glorot_normal(shape, fan_in, fan_out):
    """Draw first weights as Glorot and Bengio do."""
    deviation = math.sqrt(2 / (fan_in + fan_out))
    return rng.normal(0, deviation, shape).astype(np.float32)


def he_uniform(shape, fan_in, fan_out):
    """Draw first weights as He et al. do."""
    limit = math.sqrt(6 / fan_in)
    return rng.uniform(-limit, limit, shape).astype(np.float32)


def he_normal(shape, fan_in, fan_out):
    """Draw first weights as He et al. do."""
    return rng.normal(0, math.sqrt(2 / fan_in), shape).astype(np.float32)


def lecun_uniform(shape, fan_in, fan_out):
    """Draw first weights as LeCun et al. do."""
    limit = math.sqrt(3 / fan_in)
    return rng.uniform(-limit, limit, shape).astype(np.float32)


def lecun_normal(shape, fan_in, fan_out):
    """Draw first weights as LeCun et al. do."""
    return rng.normal(0, math.sqrt(1 / fan_in), shape).astype(np.float32)


class SGD:
    """w <- w - rate * g, where g is the gradient."""

    def __init__(self, weights):
        self.weights = weights

    def step(self, gradients, rate):
        for w, g in zip(self.weights, gradients, strict=True):
            w -= rate * g


class Momentum:
    """v <- momentum * v - rate * g, then w <- w + v."""

    def __init__(self, weights, momentum):
        self.weights, self.momentum = weights, momentum
        self.velocities = [np.zeros_like(w) for w in weights]

    def step(self, gradients, rate):
        for w, g, v in zip(self.weights, gradients, self.velocities, strict=True):
            v[...] = self.momentum * v - rate * g
            w += v


class Nesterov:
    """v <- momentum * v - rate * g, then w <- w + momentum * v - rate * g."""

    def __init__(self, weights, momentum):
        self.weights, self.momentum = weights, momentum
        self.velocities = [np.zeros_like(w) for w in weights]

    def step(self, gradients, rate):
        for w, g, v in zip(self.weights, gradients, self.velocities, strict=True):
            v[...] = self.momentum * v - rate * g
            w += self.momentum * v - rate * g


class RMSprop:
    """With s, a moving average of g^2:

    v <- momentum * v + rate * g / sqrt(s), w <- w - v.
    """

    def __init__(self, weights, rho, momentum, epsilon):
        self.weights, self.rho = weights, rho
        self.momentum, self.epsilon = momentum, epsilon
        self.squares = [np.zeros_like(w) for w in weights]
        self.velocities = [np.zeros_like(w) for w in weights]

    def step(self, gradients, rate):
        arrays = self.weights, gradients, self.squares, self.velocities
        for w, g, s, v in zip(*arrays, strict=True):
            s += (1 - self.rho) * (g * g - s)
            v[...] = self.momentum * v + rate * g / np.sqrt(s + self.epsilon)
            w -= v


class Adam:
    """m and s: moving averages of g and g^2. w <- w - rate * m / sqrt(s).

    Both begin at 0; the factor in `rate` corrects for it.
    """

    def __init__(self, weights, beta1, beta2, epsilon):
        self.weights = weights
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon
        self.means = [np.zeros_like(w) for w in weights]
        self.squares = [np.zeros_like(w) for w in weights]
        self.steps = 0

    def step(self, gradients, rate):
        self.steps += 1
        rate *= math.sqrt(1 - self.beta2**self.steps) / (1 - self.beta1**self.steps)
        arrays = self.weights, gradients, self.means, self.squares
        for w, g, m, s in zip(*arrays, strict=True):
            m += (1 - self.beta1) * (g - m)
            s += (1 - self.beta2) * (g * g - s)
            w -= rate * m / (np.sqrt(s) + self.epsilon)


class AdamW(Adam):
    """First makes each weight a little smaller, then does Adam's step."""

    def __init__(self, weights, beta1, beta2, epsilon, weight_decay):
        super().__init__(weights, beta1, beta2, epsilon)
        self.weight_decay = weight_decay

    def step(self, gradients, rate):
        for w in self.weights:
            w -= rate * self.weight_decay * w
        super().step(gradients, rate)


class Adagrad:
    """s: the sum of all g^2 so far. w <- w - rate * g / sqrt(s)."""

    def __init__(self, weights, accumulator, epsilon):
        self.weights, self.epsilon = weights, epsilon
        self.squares = [np.full_like(w, accumulator) for w in weights]

    def step(self, gradients, rate):
        for w, g, s in zip(self.weights, gradients, self.squares, strict=True):
            s += g * g
            w -= rate * g / np.sqrt(s + self.epsilon)


def interpolate(images, rows, columns, paper):
    """Each image's values between its pixels at these points, (n, 28, 28)."""
    wider = np.pad(images, ((0, 0), (2, 2), (2, 2)), constant_values=paper)
    rows, columns = np.clip(rows + 2, 0, 30.99), np.clip(columns + 2, 0, 30.99)
    top, left = rows.astype(int), columns.astype(int)
    down, right = rows - top, columns - left
    which = np.arange(len(images))[:, None, None]
    above = (1 - right) * wider[which, top, left] + right * wider[which, top, left + 1]
    top += 1
    below = (1 - right) * wider[which, top, left] + right * wider[which, top, left + 1]
    return (1 - down) * above + down * below


def displacements(n, alpha, sigma):
    """How far each pixel of n images moves: smoothed noise, (n, 28, 28), in pixels."""
    pixel = np.arange(28)
    G = np.exp(-((pixel[:, None] - pixel) ** 2) / (2 * sigma**2))
    G /= sigma * math.sqrt(2 * math.pi)
    return alpha * (G @ rng.uniform(-1, 1, (n, 28, 28)) @ G)
