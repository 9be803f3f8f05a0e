"""Softmax and cross-entropy in one function: together they are simpler and numerically safer."""

from MNIST.engines.scratch.layer import Array, namespace


def cross_entropy(logits: Array, labels: Array, smoothing: float) -> tuple[Array, Array]:
    """The loss −Σ target · log softmax(z) of each image, in nats, and its gradient with respect to z.

    logits z: (batch, classes), unnormalised; labels: integer (batch,). Returns (batch,), (batch, classes).
    The target is 1 at the label; the part `smoothing` of this 1 is spread evenly over all classes. It sums
    to 1, so that with p = softmax(z): loss = log Σ exp(z) − Σ target · z, and the gradient is p − target.
    Source: Goodfellow et al., Deep Learning (2016), 6.2.2.3; Szegedy et al. (2016), Rethinking the
    Inception architecture, arXiv:1512.00567, section 7.
    """
    xp = namespace(logits)
    shifted = logits - xp.max(logits, axis=1, keepdims=True)  # p stays the same, and exp cannot overflow
    exps = xp.exp(shifted)
    sums = xp.sum(exps, axis=1, keepdims=True)
    classes = xp.arange(logits.shape[1], device=logits.device)
    target = xp.astype(labels[:, None] == classes[None, :], logits.dtype)  # 1 at the label, 0 elsewhere
    if smoothing:
        target = target * (1 - smoothing) + smoothing / logits.shape[1]
    losses = xp.log(sums[:, 0]) - xp.sum(shifted * target, axis=1)
    return losses, exps / sums - target
