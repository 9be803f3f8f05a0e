// The optimizers' steps on all weights at once. MNIST/language/optimizers.py has their formulas, kernels.c the
// loops.
//
// w: where the trainable weights lie, g: their gradients, n: how many there are. slots: where the arrays lie that
// the optimizer remembers, each as long. step: counts from 1.

/** The initial value of each array that an optimizer remembers. */
export function initialSlots({ kind, momentum, accumulator }) {
  if (kind === "SGD") return momentum === 0 ? [] : [0];
  if (kind === "RMSprop") return momentum === 0 ? [0] : [0, 0];
  return kind === "Adagrad" ? [accumulator] : [0, 0];
}

export const UPDATES = {
  SGD: (c, { momentum, nesterov }, { w, g, n, slots, rate }) => {
    if (momentum === 0) c.sgd(w, g, n, rate);
    else c.momentum(w, g, slots[0], n, rate, momentum, nesterov ? 1 : 0);
  },

  RMSprop: (c, { rho, momentum, epsilon }, { w, g, n, slots, rate }) =>
    c.rmsprop(w, g, slots[0], slots[1] ?? 0, n, rate, 1 - rho, momentum, epsilon),

  Adam: (c, optimizer, how) => adam(c, optimizer, how, 1),
  AdamW: (c, optimizer, how) => adam(c, optimizer, how, 1 - how.rate * optimizer.weight_decay),
  Adagrad: (c, { epsilon }, { w, g, n, slots, rate }) => c.adagrad(w, g, slots[0], n, rate, epsilon),
};

/** With the sums M = m / (1 − beta1) and S = s / (1 − beta2) in place of the averages m and s. */
function adam(c, { beta1, beta2, epsilon }, { w, g, n, slots, rate, step }, decay) {
  const scale = Math.sqrt(1 - beta2); // √s = scale · √S
  const unbiased = (rate * Math.sqrt(1 - beta2 ** step)) / (1 - beta1 ** step);
  c.adam(w, g, ...slots, n, beta1, beta2, epsilon / scale, (unbiased * (1 - beta1)) / scale, decay);
}
