"""Normalisation: by a batch's mean and variance, and by neighbouring channels."""

import math

from MNIST.engines.scratch.layer import Array, Cache, Gradients, Pass, channel_sums, namespace


class BatchNorm:
    """y = γ x̂ + β, x̂ = (x − μ) / √(σ² + ε), for each channel.

    While training, μ and σ² are the batch's mean and (population) variance, and
    moving ← momentum · moving + (1 − momentum) · batch; otherwise they are the moving averages.
    A batch may come in pieces: `Pass.total` adds up what they find.
    Source: Ioffe and Szegedy (2015), arXiv:1502.03167.
    """

    def __init__(self, path: str, weights: dict[str, Array], momentum: float, epsilon: float) -> None:
        self.names = tuple(f"{path}/{name}" for name in ("gamma", "beta", "moving_mean", "moving_variance"))
        self.gamma, self.beta, self.moving_mean, self.moving_variance = (weights[name] for name in self.names)
        self.momentum, self.epsilon = momentum, epsilon

    def forward(self, x: Array, this_pass: Pass) -> tuple[Array, Cache]:
        xp = namespace(x)
        if this_pass.training:
            count = math.prod((this_pass.batch or x.shape[0], *x.shape[1:-1]))
            mean = this_pass.total(channel_sums(x)) / count
            centred = x - mean
            variance = this_pass.total(channel_sums(centred * centred)) / count
            self._note(this_pass, mean, variance)
        else:
            centred, variance = x - self.moving_mean, self.moving_variance
        scale = 1 / xp.sqrt(variance + self.epsilon)  # (channels,)
        x_hat = centred * scale
        return self.gamma * x_hat + self.beta, (x_hat, scale, this_pass)

    def backward(self, dy: Array, cache: Cache, gradients: Gradients) -> Array:
        """dγ = Σ dy x̂, dβ = Σ dy, dx = γ / √(σ² + ε) · (dy − mean(dy) − x̂ · mean(dy x̂)).

        Sums and means are over the batch and all positions. The last two terms exist only while training,
        when x also changes μ and σ².
        """
        x_hat, scale, this_pass = cache
        dgamma, dbeta = channel_sums(dy * x_hat), channel_sums(dy)
        gradients[self.names[0]], gradients[self.names[1]] = dgamma, dbeta  # of these images
        if not this_pass.training:
            return self.gamma * scale * dy
        count = math.prod((this_pass.batch or dy.shape[0], *dy.shape[1:-1]))
        of_gamma, of_beta = this_pass.total(namespace(dy).stack([dgamma, dbeta])) / count
        return self.gamma * scale * (dy - of_beta - x_hat * of_gamma)

    def _note(self, this_pass: Pass, mean: Array, variance: Array) -> None:
        for name, moving, now in (
            (self.names[2], self.moving_mean, mean),
            (self.names[3], self.moving_variance, variance),
        ):
            this_pass.moving[name] = self.momentum * moving + (1 - self.momentum) * now


class LocalResponseNorm:
    """y = x t^−β, t = k + α Σ x², the sum over `size` neighbouring channels.

    Source: Krizhevsky, Sutskever and Hinton (2012), ImageNet Classification with Deep CNNs, 3.3.
    """

    def __init__(self, size: int, alpha: float, beta: float, k: float) -> None:
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, x: Array, this_pass: Pass) -> tuple[Array, Cache]:
        t = self.k + self.alpha * self._sum_neighbours(x * x)
        return x * t**-self.beta, (x, t)

    def backward(self, dy: Array, cache: Cache, gradients: Gradients) -> Array:
        """dx = dy t^−β − 2 α β x Σ dy x t^(−β−1), the sum over the same neighbours.

        They are the same because `size` is odd: a channel is its neighbour's neighbour.
        """
        x, t = cache
        inner = self._sum_neighbours(dy * x * t ** (-self.beta - 1))
        return dy * t**-self.beta - 2 * self.alpha * self.beta * x * inner

    def _sum_neighbours(self, x: Array) -> Array:
        """For each channel, the sum of it and its (size − 1) / 2 neighbours on each side."""
        xp = namespace(x)
        channels, reach = x.shape[-1], self.size // 2
        margin = xp.zeros((*x.shape[:-1], reach), dtype=x.dtype, device=x.device)
        padded = xp.concat([margin, x, margin], axis=-1)
        return sum(padded[..., offset : offset + channels] for offset in range(self.size))
