// The arrays that a network owns, in flat rows of memory: weights, gradients, and what the optimizer remembers.

import { walk } from "../language/language.js";
import { initialSlots } from "./optimizers.js";

/**
 * The places of all parameters of a network. all: [{name, path, shape, trainable, begin, size, place, offset, …}],
 * the trainable ones first; begin and size count numbers in the flat rows, place is that of the weight in memory,
 * and offset is how many bytes its gradient lies behind the beginning of the gradients.
 */
export class Parameters {
  /** leaves: how many leaves are computed in a step, a power of two; 0 without training. */
  constructor(plan, network, leaves) {
    this.all = parametersOf(network);
    this.size = this.all.reduce((sum, { size }) => sum + size, 0);
    this.trainable = this.all.reduce((sum, { trainable, size }) => sum + (trainable ? size : 0), 0);
    this.weightsPlace = plan.floats(this.size);
    for (const parameter of this.all) parameter.place = this.weightsPlace + parameter.offset;
    this.slotStarts = leaves > 0 ? initialSlots(network.spec.optimizer) : [];
    this.slotPlaces = this.slotStarts.map(() => plan.floats(this.trainable));
    const waiting = leaves > 0 ? Math.log2(leaves) + 1 : 0; // gradients of leaves that wait for one another
    this.gradientPlaces = Array.from({ length: waiting }, () => plan.floats(this.trainable));
  }

  /** Give what the optimizer remembers its initial values. */
  fillSlots(c) {
    this.slotPlaces.forEach((place, index) => c.fill(place, this.slotStarts[index], this.trainable));
  }

  weights({ floats }) {
    return floats.subarray(this.weightsPlace / 4, this.weightsPlace / 4 + this.size);
  }

  gradients({ floats }) {
    return floats.subarray(this.gradientPlaces[0] / 4, this.gradientPlaces[0] / 4 + this.trainable);
  }

  slots({ floats }) {
    const slots = new Float32Array(this.slotPlaces.length * this.trainable);
    this.slotPlaces.forEach((place, index) => {
      slots.set(floats.subarray(place / 4, place / 4 + this.trainable), index * this.trainable);
    });
    return slots;
  }

  /** [name, place, size] of each weight. */
  ofWeights() {
    return this.all.map(({ name, place, size }) => [name, place, size]);
  }

  /** The same, and of each array that the optimizer keeps for a weight. */
  ofState() {
    const slots = this.all
      .filter(({ trainable }) => trainable)
      .flatMap(({ name, offset, size }) =>
        this.slotPlaces.map((place, index) => [`optimizer/${name}/${index}`, place + offset, size]),
      );
    return [...this.ofWeights(), ...slots];
  }

  /** Copies of some arrays, by name. */
  get({ floats }, arrays) {
    const copy = (place, size) => floats.slice(place / 4, place / 4 + size);
    return Object.fromEntries(arrays.map(([name, place, size]) => [name, copy(place, size)]));
  }

  /** Give some arrays their values. Throws an Error for other names or sizes, before any change. */
  set({ floats }, arrays, values) {
    const names = new Set(arrays.map(([name]) => name));
    const wrong = [
      ...[...names].filter((name) => !(name in values)),
      ...Object.keys(values).filter((name) => !names.has(name)),
      ...arrays.filter(([name, , size]) => values[name]?.length !== size).map(([name]) => name),
    ];
    if (wrong.length > 0) throw new Error(`other arrays than the network's: ${[...new Set(wrong)].join(", ")}`);
    for (const [name, place] of arrays) floats.set(values[name], place / 4);
  }
}

function parametersOf({ nodes }) {
  const owners = [...walk(nodes)].filter(({ parameters }) => parameters.length > 0);
  const all = owners.flatMap(({ path, parameters }, rank) =>
    parameters.map((each, index) => ({ ...each, path, name: `${path}/${each.name}`, rank, index })),
  );
  let begin = 0;
  return [true, false].flatMap((isTrained) =>
    all
      .filter(({ trainable }) => trainable === isTrained)
      .map((each) => {
        const size = each.shape.reduce((product, side) => product * side, 1);
        begin += size;
        return { ...each, begin: begin - size, size, offset: 4 * (begin - size), place: 0 };
      }),
  );
}
