// One spelling for each spec, with its defaults filled in; and the spec without parts that have no effect.

import { made } from "./grammar.js";
import { ask } from "./layers.js";
import { SECTIONS } from "./sections.js";
import { language } from "./table.js";

/** The one text of a spec: a model file that parses to an equal spec. Equal specs have the same text. */
export function canonicalText(spec) {
  const sections = Object.entries(SECTIONS).map(([name, section]) => [`${name}:`, ...section.write(spec)]);
  const written = sections.filter((lines) => lines.length > 1).map((lines) => lines.join("\n"));
  return `${written.join("\n\n")}\n`;
}

/**
 * The same network without parts that have no effect: specs that compute the same become equal.
 *
 * Repeat is expanded. Dropout and noise of 0, linear activations and padding by 0 are left out (a block that would
 * be empty keeps one linear activation). So are Scale before Standardize, `nesterov` without momentum,
 * augmentations of 0, and the `monitor` of `Stop:` without patience. Step and Plateau of factor 1 become Constant.
 */
export function simplify(spec) {
  const { schedules, constant } = language();
  const standardize = spec.input.find((step) => step.kind === "Standardize");
  const { optimizer, schedule, stop } = spec;
  const isSteady = (schedule.kind === "Step" || schedule.kind === "Plateau") && schedule.factor === 1;
  return {
    ...spec,
    input: standardize ? [standardize] : spec.input,
    layers: [...simplified(spec.layers)],
    optimizer: optimizer.kind === "SGD" && !optimizer.momentum ? { ...optimizer, nesterov: false } : optimizer,
    schedule: isSteady ? made(schedules.get(constant), {}) : schedule,
    augment: spec.augment.filter(moves),
    stop: stop && stop.patience === null ? { ...stop, monitor: "loss" } : stop,
  };
}

/** Whether an augmentation changes anything. */
function moves(augmentation) {
  const [amount] = language().augmentations.get(augmentation.kind).arguments.keys(); // of Elastic, alpha
  return augmentation[amount] !== 0;
}

/** The layers that have an effect, with those of each Repeat in its place. */
function* simplified(layers) {
  for (const layer of layers) {
    if (layer.kind === "Repeat") {
      const inner = layer.times ? [...simplified(layer.layers)] : [];
      for (let time = 0; inner.length && time < layer.times; time += 1) yield* inner;
    } else if (layer.kind === "Residual") {
      yield { ...layer, layers: blockOf(layer.layers) };
    } else if (layer.kind === "Parallel") {
      yield { ...layer, paths: layer.paths.map((path) => ({ ...path, layers: blockOf(path.layers) })) };
    } else if (!ask(layer, "changesNothing")) {
      yield layer;
    }
  }
}

/** The layers of a block that have an effect; a block is never empty. */
function blockOf(layers) {
  const inner = [...simplified(layers)];
  return inner.length ? inner : [{ kind: "Activation", name: "linear", line: null }];
}
