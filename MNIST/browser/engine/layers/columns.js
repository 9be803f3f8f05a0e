// Columns, which learn without gradients: only their answer is computed here, for networks that were trained
// elsewhere.

/** y[c] = 4 / √neurons · how many neurons of column c fire: Σ weights · x[sources] exceeds their threshold. */
export class Columns {
  constructor(c, x, y, { neurons, connections, sources, weights, thresholds }) {
    Object.assign(this, { c, x, y, neurons, connections, arrays: [sources, weights, thresholds] });
  }

  forward(pass) {
    const { c, x, y, neurons, connections } = this;
    const places = this.arrays.map(({ place }) => place);
    const factor = 4 / Math.sqrt(neurons);
    const [from, to] = [x.data.at(pass), y.data.at(pass)];
    c.columns(from, pass.images, x.size, y.size, neurons, connections, ...places, factor, to);
  }
}
