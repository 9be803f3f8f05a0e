"""The test images as a network sees them: points in space, to turn with the mouse, each showing its image.

plotly draws the points (4.8 MB of plotly.js go into the page); a piece of the sprite is the image.
"""

import json
from collections.abc import Mapping
from html import escape

from MNIST.report.colours import DIGITS
from MNIST.report.percentages import probability_text
from MNIST.report.sprite import Sprite
from MNIST.report.testing.comparison import Evaluation
from MNIST.report.testing.embedding import Space

INVITATION = "Point at a dot to see its image"


def space_plot(evaluations: Mapping[str, Evaluation], spaces: Mapping[str, Space], sprite: Sprite) -> str:
    """HTML of the plot, of plotly itself, and of a choice between the networks. Both mappings are by name."""
    from plotly.offline import get_plotlyjs

    networks = {name: _network(evaluations[name], space, sprite) for name, space in spaces.items()}
    data = {"colours": DIGITS, "networks": networks, "invitation": INVITATION}
    options = "".join(f"<option>{escape(name)}</option>" for name in networks)
    return HTML.format(
        options=options,
        invitation=INVITATION,
        hidden=" hidden" if len(networks) == 1 else "",
        plotly=get_plotlyjs(),
        data=json.dumps(data, separators=(",", ":")).replace("<", "\\u003c"),
        script=SCRIPT,
    )


def _network(evaluation: Evaluation, space: Space, sprite: Sprite) -> dict[str, object]:
    """What the script is to know: a list a field, with an item for each image that is shown."""
    shown = space.images
    answers = evaluation.answers[shown]
    return {
        "points": [[float(f"{value:.4g}") for value in axis] for axis in space.points.T.tolist()],
        "number": shown.tolist(),
        "place": [sprite.place(int(number)) for number in shown],
        "label": evaluation.labels[shown].tolist(),
        "answer": answers.tolist(),
        "sure": [probability_text(one) for one in evaluation.probabilities[shown, answers]],
        "text": _about(evaluation, space),
    }


def _about(evaluation: Evaluation, space: Space) -> str:
    """What is shown and what is not, in words."""
    shown = space.images
    errors = int((evaluation.answers[shown] != evaluation.labels[shown]).sum())
    among = f"{errors:,} of its {evaluation.errors:,} errors among them"
    if errors == evaluation.errors:
        among = f"all its {errors:,} errors among them" if errors else "and it has made no error"
    images = f"{len(shown):,} of the {evaluation.images:,} test images are shown"
    if len(shown) == evaluation.images:
        images = f"All {evaluation.images:,} test images are shown"
    return (
        f"{images}, {among}. The three directions keep"
        f" {space.explained * 100:.0f} % of the variance: what looks close may lie apart in the others."
    )


HTML = """\
<p{hidden}><label>Network: <select id="network">{options}</select></label></p>
<div class="space">
<div id="shown"><i class="digit" hidden></i><span>{invitation}</span></div>
<div id="space" role="group" aria-label="Test images in space; tables and the surest errors are below"></div>
</div>
<p id="about"></p>
<script>{plotly}</script>
<script>
const DATA = {data};
{script}</script>
"""

SCRIPT = """\
const byId = id => document.getElementById(id), dark = matchMedia("(prefers-color-scheme: dark)");
const ground = () => getComputedStyle(document.documentElement).getPropertyValue("--ground");
const text = () => getComputedStyle(document.body).color;
const colour = label => DATA.colours[label] === "text" ? text() : DATA.colours[label];
const pick = (list, rows) => rows.map(row => list[row]);
let network;

function points(rows, name, marker) {
  const [x, y, z] = network.points.map(axis => pick(axis, rows));
  return {type: "scatter3d", mode: "markers", name, x, y, z, customdata: rows, hoverinfo: "none", marker};
}

function median(values) { return values.slice().sort((a, b) => a - b)[values.length >> 1]; }

function diamond(color) { return {size: 4, symbol: "diamond", color, line: {width: 2, color: text()}}; }

function traces() {
  const every = network.number.map((_, row) => row);
  const right = row => network.label[row] === network.answer[row];
  const digits = DATA.colours.map((_, label) => label);
  const groups = digits.map(label => every.filter(row => network.label[row] === label));
  const wrong = every.filter(row => !right(row));
  return [
    ...digits.map(label => points(groups[label].filter(right), String(label),
      {size: 3.5, color: colour(label), line: {width: 0.5, color: ground()}})),
    {...points(wrong, "wrong answer", diamond(pick(network.label, wrong).map(colour))),
      legendgroup: "wrong", showlegend: false},
    {...points([], "wrong answer", diamond("#888")), x: [null], y: [null], z: [null],  // of no digit's colour
      legendgroup: "wrong"},
  ];
}

function names() {
  return DATA.colours.map((_, label) => {
    const rows = network.label.flatMap((one, row) => one === label ? [row] : []);
    const [x, y, z] = network.points.map(axis => median(pick(axis, rows)));
    return {x, y, z, text: `<b>${label}</b>`, showarrow: false, visible: rows.length > 0,
      bgcolor: ground(), opacity: 0.75, borderpad: 1, font: {size: 15, color: text()}};
  });
}

function draw() {
  network = DATA.networks[byId("network").value];
  const grid = dark.matches ? "#3a3d42" : "#ddd";
  const axis = {title: {text: ""}, showticklabels: false, showspikes: false, gridcolor: grid,
    zerolinecolor: grid};
  const far = innerWidth < 640 ? 1.4 : 1.1;
  const layout = {
    uirevision: byId("network").value, margin: {l: 0, r: 0, t: 0, b: 0}, paper_bgcolor: "rgba(0,0,0,0)",
    font: {color: text(), family: "system-ui, sans-serif"},
    legend: {orientation: "h", itemsizing: "constant", x: 0.5, xanchor: "center", y: 0},
    scene: {xaxis: axis, yaxis: axis, zaxis: axis, aspectmode: "cube", annotations: names(),
      camera: {eye: {x: far, y: far, z: far * 0.65}}},
  };
  byId("about").textContent = network.text;
  return Plotly.react("space", traces(), layout, {displayModeBar: false, responsive: true});
}

function show(event) {
  const row = event.points[0].customdata, [column, line] = network.place[row];
  const [digit, words] = byId("shown").children;
  digit.hidden = false;
  digit.style.setProperty("--column", column);
  digit.style.setProperty("--row", line);
  const [label, answer] = [network.label[row], network.answer[row]];
  const said = label === answer ? "recognized" : `taken for a ${answer}`;
  words.textContent = `Image ${network.number[row]}: a ${label}, ${said} (${network.sure[row]} sure)`;
}

function choose() {
  const [digit, words] = byId("shown").children;  // what stands there is another network's
  digit.hidden = true;
  words.textContent = DATA.invitation;
  return draw();
}

draw().then(() => ["plotly_hover", "plotly_click"].forEach(event => byId("space").on(event, show)));
byId("network").addEventListener("change", choose);
dark.addEventListener("change", draw);
"""

STYLE = """\
#network { max-width: 100%; }
.space { position: relative; max-width: 60rem; }
#space { height: min(75vh, 40rem); }
#shown { position: absolute; z-index: 1; top: 0; left: 0; width: 9rem; pointer-events: none;
  font-size: .85rem; }
#shown .digit { --side: 84px; display: block; }
#shown .digit[hidden] { display: none; }
@media (max-width: 40rem) {
  #shown { position: static; display: flex; gap: .75rem; align-items: center; width: auto; height: 5.5rem; }
  #shown .digit { flex: none; }
}
"""
