// Activations, element by element: y = activation(x), dx = dy · activation'(x). The formulas are in kernels.c, and
// in MNIST/engines/scratch/activations.py.
//
// Each slope can be found from y, except that of silu. So a layer applies its activation in place, and a silu is
// an operation of its own that keeps x:
//   relu        y = max(x, 0)                     y' = 1 where y > 0, else 0
//   leaky_relu  y = x above 0, 0.2 x below        y' = 1 where y > 0, else 0.2
//   elu         y = x above 0, eˣ − 1 below       y' = 1 where y > 0, else 1 + y
//   sigmoid     y = 1 / (1 + e⁻ˣ)                 y' = y (1 − y)
//   tanh                                          y' = 1 − y²
//   softplus    y = log(1 + eˣ)                   y' = σ(x) = 1 − e⁻ʸ
//   silu        y = x σ(x)                        y' = σ(x) (1 + x (1 − σ(x)))

/** The activations' numbers in kernels.c. */
export const ACTIVATIONS = {
  linear: 0,
  relu: 1,
  leaky_relu: 2,
  elu: 3,
  silu: 4,
  sigmoid: 5,
  tanh: 6,
  softplus: 7,
};

/** Whether the slope can be found from y. */
export function worksInPlace(activation) {
  return activation !== "silu";
}

/** A layer that applies one activation. */
export class Activate {
  constructor(c, x, y, activation) {
    Object.assign(this, { c, x, y, activation: ACTIVATIONS[activation] });
    this.kept = worksInPlace(activation) ? y : x;
  }

  forward(pass) {
    this.c.activate(this.activation, this.x.data.at(pass), this.y.data.at(pass), pass.images * this.x.size);
  }

  backward(pass) {
    const { c, x, y, kept } = this;
    if (!x.wantsSlope) return;
    const dy = y.slope.at(pass);
    c.activate_backward(this.activation, kept.data.at(pass), dy, x.slope.at(pass), pass.images * x.size);
  }
}
