// The canvas to draw on: by mouse, by finger, or by a pen that the arrow keys move.
//
// A drawing is a list of strokes; a stroke is a list of points [x, y] on a sheet of SIDE × SIDE. It is painted
// twice: for the eye, as sharp as the screen allows, and for the networks, always SIDE pixels large, so that their
// answers are the same on every screen.

import { rgb } from "./colours.js";

export const SIDE = 280;
const WIDTH = 24; // of a stroke: two or three of MNIST's pixels if the digit fills the sheet
const STEP = 7; // of the pen, at each key press
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * Let the user draw on a canvas; return functions for the drawing. changed(ended) is called after each change of
 * the drawing; ended: whether a stroke is finished, or the sheet was cleared.
 */
export function drawingOn(canvas, changed) {
  let strokes = [];
  let stroke = null; // the stroke being drawn by mouse or finger
  let drawer = null; // the pointer that draws it; no other one joins in
  const pen = { at: [SIDE / 2, SIDE / 4], isDown: false, isShown: false };
  const held = new Set(); // arrow keys
  const forNetworks = sheet(document.createElement("canvas"), SIDE);

  function repaint() {
    const side = Math.round(canvas.clientWidth * devicePixelRatio);
    const context = sheet(canvas, side);
    context.strokeStyle = getComputedStyle(canvas).color;
    paint(context, strokes, side);
    if (pen.isShown) paintPen(context, pen);
  }

  function change(ended) {
    repaint();
    changed(ended);
  }

  function clear() {
    strokes = [];
    stroke = null;
    pen.isDown = false;
    change(true);
  }

  canvas.addEventListener("pointerdown", (event) => {
    const isOther = stroke && event.pointerId !== drawer;
    if (event.button !== 0 || !event.isPrimary || isOther) return;
    drawer = event.pointerId;
    canvas.setPointerCapture(drawer);
    pen.isShown = pen.isDown = false;
    stroke = [placeOf(event, canvas)];
    strokes.push(stroke);
    change(false);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!stroke || event.pointerId !== drawer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    stroke.push(...(events.length ? events : [event]).map((each) => placeOf(each, canvas)));
    change(false);
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
    canvas.addEventListener(end, (event) => {
      if (!stroke || event.pointerId !== drawer) return;
      stroke = null;
      change(true);
    });
  }

  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === " ") {
      if (event.repeat) return event.preventDefault(); // the key is held down
      pen.isDown = !pen.isDown;
      if (pen.isDown) strokes.push([[...pen.at]]);
    } else if (event.key in ARROWS) {
      held.add(event.key);
      move(pen, held);
      if (pen.isDown) strokes.at(-1).push([...pen.at]);
    } else return;
    event.preventDefault();
    pen.isShown = true;
    change(event.key === " " && !pen.isDown);
  });
  canvas.addEventListener("keyup", (event) => held.delete(event.key));
  canvas.addEventListener("focus", () => {
    pen.isShown = canvas.matches(":focus-visible");
    repaint();
  });
  canvas.addEventListener("blur", () => {
    held.clear();
    pen.isShown = pen.isDown = false;
    repaint();
  });
  addEventListener("resize", repaint);
  repaint();

  return { clear, repaint, ink: () => ink(forNetworks, strokes), isEmpty: () => strokes.length === 0 };
}

/** The ink at each place: Float32Array of SIDE × SIDE numbers from 0 to 1, row by row. */
function ink(context, strokes) {
  context.clearRect(0, 0, SIDE, SIDE);
  paint(context, strokes, SIDE);
  const { data } = context.getImageData(0, 0, SIDE, SIDE);
  const opacity = new Float32Array(SIDE * SIDE);
  for (let place = 0; place < opacity.length; place++) opacity[place] = data[4 * place + 3] / 255;
  return opacity;
}

/** Empty a canvas, make it side × side pixels large, and return its context. */
function sheet(canvas, side) {
  canvas.width = canvas.height = side;
  return canvas.getContext("2d", { willReadFrequently: side === SIDE });
}

function paint(context, strokes, side) {
  context.setTransform(side / SIDE, 0, 0, side / SIDE, 0, 0);
  context.lineWidth = WIDTH;
  context.lineCap = context.lineJoin = "round";
  context.beginPath();
  for (const [[x, y], ...others] of strokes) {
    context.moveTo(x, y);
    context.lineTo(x + 0.01, y); // a stroke of one point is a dot
    for (const place of others) context.lineTo(...place);
  }
  context.stroke();
}

/** Paint a ring at the pen, filled if the pen is down, with a rim that is visible both on ink and on paper. */
function paintPen(context, { at, isDown }) {
  const colour = `rgb(${rgb("--negative")})`;
  context.beginPath();
  context.arc(...at, WIDTH / 2, 0, 2 * Math.PI);
  for (const [width, style] of [[7, getComputedStyle(context.canvas).backgroundColor], [3, colour]]) {
    context.lineWidth = width;
    context.strokeStyle = style;
    context.stroke();
  }
  context.fillStyle = colour;
  if (isDown) context.fill();
}

/** Move the pen one step for each arrow key that is held, but not off the sheet. */
function move(pen, held) {
  for (const key of held) {
    pen.at = pen.at.map((place, axis) =>
      Math.min(Math.max(place + STEP * ARROWS[key][axis], WIDTH / 2), SIDE - WIDTH / 2),
    );
  }
}

/** The place of a mouse or finger on the sheet. */
function placeOf(event, canvas) {
  const box = canvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top].map((place) => (place * SIDE) / box.width);
}
