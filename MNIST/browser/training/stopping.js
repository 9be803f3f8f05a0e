// The rule of `Stop:`: when training ends before its last epoch, and which epoch's weights are kept.
//
// As MNIST/training/stopping.py. It depends on the history alone, so a run that goes on ends where it would have ended.

import { general, hundredths } from "../language/numbers.js";

/** Whether the weights of the best epoch are kept instead of those of the last. */
export function keepsBest(stop) {
  return stop !== null && stop.patience !== null;
}

/**
 * The result of the epoch whose weights are kept if training ends after these epochs (at least one).
 * With `patience` it is the best epoch, and the first of them if several are equal; else the last one. If every figure
 * is NaN, it is the first. Source: Keras's EarlyStopping with restore_best_weights.
 */
export function keptEpoch(stop, history) {
  if (!keepsBest(stop)) return history[history.length - 1];
  let [best, least] = [history[0], Infinity];
  for (const result of history) {
    const value = stop.monitor === "accuracy" ? -result.valAccuracy : result.valLoss;
    if (value < least) [best, least] = [result, value];
  }
  return best;
}

/** Whether training ends after these epochs, even if more were wanted. */
export function isOver(stop, history) {
  return whyOver(stop, history) !== "";
}

/** Say in words why training ends after these epochs, even if more were wanted; "" if it does not. */
export function whyOver(stop, history) {
  if (stop === null || history.length === 0) return "";
  const reached = history[history.length - 1].valAccuracy;
  if (stop.accuracy !== null && reached >= stop.accuracy) {
    const wanted = general(100 * stop.accuracy);
    return `its validation accuracy, ${hundredths(100 * reached)}%, has reached ${wanted}%`;
  }
  if (stop.patience !== null && history.length - keptEpoch(stop, history).epoch >= stop.patience) {
    const epochs = `${stop.patience} epoch${stop.patience === 1 ? "" : "s"}`;
    return `no better validation ${stop.monitor} for ${epochs}`;
  }
  return "";
}
