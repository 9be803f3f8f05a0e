"""What Keras lacks, as classes of its own."""

import keras
from keras import layers


class LocalResponseNorm(layers.Layer):
    """x / (k + alpha * sum)^beta: the sum is of the squares of `size` channels."""

    def __init__(self, size, alpha, beta, k):
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def call(self, x):
        channels, reach = x.shape[-1], self.size // 2
        squares = keras.ops.pad(x * x, [(0, 0), (0, 0), (0, 0), (reach, reach)])
        sums = sum(squares[..., i : i + channels] for i in range(self.size))
        return x / (self.k + self.alpha * sums) ** self.beta


class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """Rises evenly from `rate` to `peak` in `warmup` steps, then falls to `final`."""

    def __init__(self, rate, peak, final, warmup, steps):
        self.rate, self.peak, self.final = rate, peak, final
        self.warmup, self.steps = warmup, steps

    def __call__(self, step):
        step = keras.ops.cast(step, "float32")
        up = step / max(self.warmup, 1)
        down = (step - self.warmup) / max(self.steps - self.warmup, 1)
        return keras.ops.where(
            step < self.warmup,
            self.rate + (self.peak - self.rate) * up,
            self.peak + (self.final - self.peak) * down,
        )


class StopAtAccuracy(keras.callbacks.Callback):
    """Ends the training after an epoch with at least this validation accuracy."""

    def __init__(self, accuracy):
        super().__init__()
        self.accuracy = accuracy

    def on_epoch_end(self, epoch, logs=None):
        if logs["val_accuracy"] >= self.accuracy:
            self.model.stop_training = True
