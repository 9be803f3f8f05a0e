// The learning rate of each step, as in MNIST/training/rates.py.
//
// The rates follow from the text and, for Plateau, from the validation of earlier epochs. So a run that goes on uses
// the same rates as one without a break.

/**
 * The rates of one epoch (counted from 1) with `steps` steps: Float32Array.
 * history: the results of the epochs before it. The schedule's rate is divided by 1 + decay · step, Keras's classic
 * rule, where step counts from 0 over all epochs. `MNIST/language/schedules.py` names the source of each schedule.
 */
export function epochRates(spec, epoch, steps, history = []) {
  const { rate, decay } = spec.optimizer;
  const where = { epoch, total: spec.epochs * steps, history };
  const scheduled = SCHEDULES[spec.schedule.kind](spec.schedule, rate, where);
  return Float32Array.from({ length: steps }, (_, place) => {
    const step = (epoch - 1) * steps + place;
    return scheduled(step) / (1 + decay * step);
  });
}

/** For each schedule a function that returns the rate at a step. */
const SCHEDULES = {
  Constant: (_, rate) => () => rate,
  Cosine: ({ warmup, final }, rate, { total }) => (step) => {
    const [up, down] = progress(step, warmup, total);
    return up < 1 ? rate * up : final + ((rate - final) * (1 + Math.cos(Math.PI * down))) / 2;
  },
  OneCycle: ({ peak, warmup, final }, rate, { total }) => (step) => {
    const [up, down] = progress(step, warmup, total);
    return up < 1 ? rate + (peak - rate) * up : peak + (final - peak) * down;
  },
  Step: ({ every, factor }, rate, { epoch }) => {
    const reduced = rate * factor ** Math.floor((epoch - 1) / every);
    return () => reduced;
  },
  Plateau: (plateau, rate, { history }) => {
    const reduced = afterPlateaus(rate, plateau, history);
    return () => reduced;
  },
};

/** The progress, from 0 to 1, of the warm-up, and of what follows it. total: the steps of the whole training. */
function progress(step, warmup, total) {
  const turn = nearestEven(warmup * total);
  const up = turn ? step / turn : 1;
  const down = (step - turn) / Math.max(total - turn, 1);
  return [Math.min(up, 1), Math.min(Math.max(down, 0), 1)];
}

/** The rate after these epochs, by Keras's rule: it counts epochs from 0 again after each reduction. */
function afterPlateaus(rate, plateau, history) {
  let [best, waited] = [Infinity, 0];
  for (const result of history) {
    const value = plateau.monitor === "accuracy" ? -result.valAccuracy : result.valLoss;
    waited += 1;
    if (value < best - plateau.delta) {
      [best, waited] = [value, 0];
    } else if (waited >= plateau.patience) {
      [rate, waited] = [Math.max(rate * plateau.factor, Math.min(rate, plateau.min)), 0];
    }
  }
  return rate;
}

/** The nearest whole number, and the even one of two that are equally near: Python's `round`. */
export function nearestEven(number) {
  const below = Math.floor(number);
  const beyond = number - below;
  return beyond > 0.5 || (beyond === 0.5 && below % 2 === 1) ? below + 1 : below;
}
