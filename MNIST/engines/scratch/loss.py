"""Softmax and cross-entropy, fused: together they are simpler, and safer, than each by itself."""

from MNIST.engines.scratch.layer import Array, namespace


def cross_entropy(logits: Array, labels: Array) -> tuple[Array, Array]:
    """The loss −log softmax(z)[label] of each image, in nats, and its gradient with respect to z.

    logits z: (batch, classes), unnormalised; labels: integer (batch,). Returns (batch,), (batch, classes).
    With p = softmax(z): loss = log Σ exp(z) − z[label], and the gradient is p − 1 at the label, p elsewhere.
    Source: Goodfellow et al., Deep Learning (2016), 6.2.2.3.
    """
    xp = namespace(logits)
    shifted = logits - xp.max(logits, axis=1, keepdims=True)  # p stays the same, and exp cannot overflow
    exps = xp.exp(shifted)
    sums = xp.sum(exps, axis=1, keepdims=True)
    classes = xp.arange(logits.shape[1], device=logits.device)
    target = xp.astype(labels[:, None] == classes[None, :], logits.dtype)  # 1 at the label, 0 elsewhere
    losses = xp.log(sums[:, 0]) - xp.sum(shifted * target, axis=1)
    return losses, exps / sums - target
