// One change to try after the first training: twice as many filters in the first Conv, or units in the first Dense.

const CHANGED = { Conv: "filters", SeparableConv: "filters", Dense: "units" };

/** {line, text, words}: a line of the text, what to write there, and the question; null if nothing is proposed. */
export function propose(text, spec) {
  const layers = spec.layers.slice(0, -1).filter(({ kind }) => kind in CHANGED);
  const layer = layers.find(({ kind }) => kind !== "Dense") ?? layers[0];
  if (!layer?.line) return null;
  const noun = CHANGED[layer.kind];
  const count = layer[noun];
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  const found = new RegExp(`^(\\s*\\w+\\s*,\\s*(?:${noun}\\s*=\\s*)?)${count}(?=\\s*(?:,|#|$))`, "i");
  const line = lines[layer.line.number - 1] ?? "";
  const changed = line.replace(found, `$1${2 * count}`);
  if (changed === line) return null;
  return { line: layer.line.number, text: changed, words: `${2 * count} ${noun} instead of ${count}?` };
}
