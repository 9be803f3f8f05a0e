// The network as a picture: one box for each layer whose output has a shape of its own, in proportion to its maps.
//
// A box is as high as a map has rows, as deep as it has columns, and the broader the more maps there are; a row of
// numbers is a bar, the higher the more there are. Layers that keep the shape, such as Dropout, are small marks.

import { drawn } from "./words.js";

export const MOST = 300; // layers that are drawn
const ROW = 2.1; // pixels for one row of a map
const COLUMN = 0.62; // and for a column, slanting
const GAP = 12;
const LABEL = 6.2; // pixels for a character of a label
const MARGIN = 14;

/**
 * Draw a network in `root`. nodes: of the network as it is written. first: what the input is called, and its shape.
 * chosen(line) is called when a layer is clicked. Returns {light}: light(line) lights the layers of a line.
 */
export function drawNetwork(root, { nodes, inputShape, words }, chosen) {
  const budget = { left: MOST };
  const input = boxOf({ name: "Input", shape: inputShape, line: null, title: words });
  const picture = inARow([input, ...nodes.flatMap((node) => pictureOf(node, budget))]);
  const [width, height] = [picture.width + 2 * MARGIN, picture.up + picture.down + 2 * MARGIN];
  const svg = drawn("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img" });
  svg.setAttribute("aria-label", inWords(nodes, inputShape));
  picture.draw(svg, MARGIN, MARGIN + picture.up);
  svg.addEventListener("click", (event) => {
    const step = event.target.closest("[data-line]");
    if (step) chosen(Number(step.dataset.line));
  });
  root.replaceChildren(svg);
  let lit = [];
  return {
    light(line) {
      lit.forEach((step) => step.classList.remove("lit"));
      lit = [...svg.querySelectorAll(`[data-line="${line}"]`)];
      lit.forEach((step) => step.classList.add("lit"));
      if (lit.length) intoSight(root, lit[0]);
    },
  };
}

/** Scroll `root` sideways, and nothing else, until a layer is in sight. */
function intoSight(root, step) {
  const [frame, box] = [root.getBoundingClientRect(), step.getBoundingClientRect()];
  if (box.left < frame.left) root.scrollLeft += box.left - frame.left - 40;
  else if (box.right > frame.right) root.scrollLeft += box.right - frame.right + 40;
}

function inWords(nodes, inputShape) {
  const steps = nodes.slice(0, MOST).map(({ layer, outputShape }) => `${layer.kind}: ${outputShape.join("×")}`);
  const more = nodes.length > MOST ? ` and ${nodes.length - MOST} more` : "";
  return `The layers and the shape of what each gives. Input: ${inputShape.join("×")}; ${steps.join("; ")}${more}.`;
}

/** The pictures of a layer: each {width, up, down, draw(svg, x, y)}; up and down are from the middle line. */
function pictureOf(node, budget) {
  if (budget.left <= 0) return [];
  const { layer, outputShape, inputShape, children } = node;
  const line = layer.line?.number ?? null;
  if (layer.kind === "Residual")
    return [aroundOf(inARow(children.flatMap((each) => pictureOf(each, budget))), line)];
  if (layer.kind === "Parallel") {
    const paths = children.map((path) => inARow(path.children.flatMap((each) => pictureOf(each, budget))));
    return [besideOf(paths, line), boxOf({ name: "Parallel", shape: outputShape, line, title: "Parallel" })];
  }
  budget.left -= 1;
  if (budget.left === 0) return [wordsOf("…")];
  const name = layer.kind;
  const title = layer.line?.text.trim() ?? name;
  const isSame = String(inputShape) === String(outputShape);
  const isMark = isSame && !["Conv", "SeparableConv", "DepthwiseConv", "Dense"].includes(name);
  return [isMark ? markOf({ name, line, title }) : boxOf({ name, shape: outputShape, line, title })];
}

/** A group for a layer, with its words as a tooltip. */
function step(svg, line, title, kind = "") {
  const group = drawn("g", { class: `step ${kind}` }, drawn("title", {}, document.createTextNode(title)));
  if (line !== null) group.dataset.line = line;
  svg.append(group);
  return group;
}

function boxOf({ name, shape, line, title }) {
  const isMap = shape.length === 3;
  const [rows, columns, channels] = isMap ? shape : [0, 0, shape[0]];
  const width = isMap ? 3 + 3.2 * Math.log2(1 + channels) : 7;
  const height = isMap ? Math.max(3, ROW * rows) : 5 + 5.2 * Math.log2(1 + channels);
  const slant = isMap ? Math.max(1.5, COLUMN * columns) : 0;
  const label = shape.join("×");
  const whole = Math.max(width + slant, LABEL * Math.max(label.length, name.length)) + 2;
  return {
    width: whole,
    up: height / 2 + slant,
    down: height / 2 + 30,
    centre: whole / 2,
    draw(svg, x, y) {
      const group = step(svg, line, `${title} → ${label}`);
      const [left, top] = [x + (whole - width - slant) / 2, y - height / 2];
      const right = left + width;
      if (slant) {
        group.append(
          polygon("side", [
            [left, top],
            [left + slant, top - slant],
            [right + slant, top - slant],
            [right, top],
          ]),
          polygon("side", [
            [right, top],
            [right + slant, top - slant],
            [right + slant, top + height - slant],
            [right, top + height],
          ]),
        );
      }
      group.append(
        drawn("rect", { class: "box", x: left, y: top, width, height, rx: slant ? 0 : 1.5 }),
        text(x + whole / 2, y + height / 2 + 14, label),
        text(x + whole / 2, y + height / 2 + 26, name),
      );
      return { from: left - 2, to: right + slant / 2 + 2 };
    },
  };
}

function markOf({ name, line, title }) {
  return {
    width: 9,
    up: 12,
    down: 12,
    draw(svg, x, y) {
      const group = step(svg, line, title || name, "small");
      group.append(
        drawn("rect", { x: x - 4, y: y - 20, width: 17, height: 40, fill: "transparent" }),
        drawn("rect", { class: "box", x: x + 1, y: y - 10, width: 7, height: 20, rx: 3.5 }),
      );
      return { from: x, to: x + 9 };
    },
  };
}

function wordsOf(words) {
  return {
    width: 20,
    up: 6,
    down: 6,
    draw(svg, x, y) {
      svg.append(text(x + 10, y + 4, words));
      return { from: x, to: x + 20 };
    },
  };
}

/** Pictures one after another, joined by lines. */
function inARow(pictures) {
  const width = pictures.reduce((sum, each) => sum + each.width, 0) + GAP * Math.max(0, pictures.length - 1);
  return {
    width: Math.max(width, 20),
    up: Math.max(6, ...pictures.map(({ up }) => up)),
    down: Math.max(6, ...pictures.map(({ down }) => down)),
    draw(svg, x, y) {
      let at = x;
      let last = null;
      let first = null;
      for (const picture of pictures) {
        const ends = picture.draw(svg, at, y);
        if (last !== null && ends.from > last) svg.prepend(line(last, y, ends.from, y));
        [first, last] = [first ?? ends.from, ends.to];
        at += picture.width + GAP;
      }
      if (last === null) svg.append(line(x, y, x + 20, y));
      return { from: first ?? x, to: last ?? x + 20 };
    },
  };
}

/** A block whose input is added to its output: a line around it. */
function aroundOf(inside, number) {
  const [before, after] = [12, 24];
  return {
    width: before + inside.width + after,
    up: inside.up + 14,
    down: inside.down,
    draw(svg, x, y) {
      const ends = inside.draw(svg, x + before, y);
      const [left, right, top] = [x + 3, x + before + inside.width + 13, y - inside.up - 8];
      const group = step(svg, number, "Residual: the block's input is added to its output", "small");
      group.append(
        path(
          `M${left} ${y} V${top + 6} Q${left} ${top} ${left + 6} ${top} H${right - 6} Q${right} ${top} ${right} ${top + 6} V${y - 6}`,
        ),
        drawn("circle", { class: "box", cx: right, cy: y, r: 6.5 }),
        path(`M${right - 3.5} ${y} H${right + 3.5} M${right} ${y - 3.5} V${y + 3.5}`),
      );
      svg.prepend(line(left - 3, y, ends.from, y), line(ends.to, y, right - 6, y));
      return { from: x, to: right + 6.5 };
    },
  };
}

/** Paths one below the other, which begin and end together. */
function besideOf(paths, number) {
  const inner = Math.max(20, ...paths.map(({ width }) => width));
  const tall = paths.map(({ up, down }) => up + down + 6);
  const height = tall.reduce((sum, each) => sum + each, 0);
  return {
    width: inner + 36,
    up: height / 2,
    down: height / 2,
    draw(svg, x, y) {
      let top = y - height / 2;
      const group = step(
        svg,
        number,
        "Parallel: paths side by side; their maps are put one after another",
        "small",
      );
      const right = x + inner + 30;
      paths.forEach((each, place) => {
        const middle = top + each.up + 3;
        const ends = each.draw(svg, x + 18 + (inner - each.width) / 2, middle);
        group.append(
          path(`M${x} ${y} C${x + 10} ${y} ${x + 4} ${middle} ${x + 16} ${middle} H${ends.from}`),
          path(`M${ends.to} ${middle} H${right - 14} C${right - 4} ${middle} ${right - 10} ${y} ${right} ${y}`),
        );
        top += tall[place];
      });
      return { from: x, to: right };
    },
  };
}

function polygon(kind, points) {
  return drawn("polygon", { class: kind, points: points.join(" ") });
}

function path(d) {
  return drawn("path", { class: "line", d });
}

function line(x1, y1, x2, y2) {
  return drawn("line", { class: "line", x1, y1, x2, y2 });
}

function text(x, y, words) {
  return drawn("text", { x, y }, document.createTextNode(words));
}
