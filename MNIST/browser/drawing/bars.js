// A network's answer as bars: one for each class, as long as the class is probable.

export const MOST_BARS = 12; // of more classes, the likeliest are shown

/** The numbers of the classes that have bars: all in their order or, if there are many, the likeliest first. */
export function classesWithBars(probabilities) {
  const { length } = probabilities;
  return length <= MOST_BARS ? [...probabilities.keys()] : likeliest(probabilities, MOST_BARS);
}

/** Add a class's bar. It has show(probability, isFirst, name), and show(null) if there is no answer. */
export function addBar(bars, name) {
  const row = document.createElement("li");
  const [label, track, value] = ["span", "span", "span"].map((tag) => document.createElement(tag));
  const bar = document.createElement("span");
  label.textContent = name;
  track.className = "track";
  bar.className = "bar";
  track.append(bar);
  row.append(label, track, value);
  bars.append(row);
  return {
    show(probability, isFirst = false, name = label.textContent) {
      label.textContent = name;
      row.classList.toggle("first", isFirst);
      bar.style.transform = `scaleX(${probability ?? 0})`;
      value.textContent = probability === null ? "" : inPercent(probability);
    },
  };
}

/** The numbers of the likeliest classes, the likeliest first. */
export function likeliest(probabilities, count) {
  return [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a]).slice(0, count);
}

/** A probability in percent that is never rounded to 100 % or to 0, as in the program's own reports. */
export function inPercent(probability) {
  if (probability > 0.9999) return ">99.99\u00a0%";
  if (probability < 0.001) return "<0.1\u00a0%";
  return `${(100 * probability).toFixed(probability < 0.99 ? 1 : 2)}\u00a0%`;
}
