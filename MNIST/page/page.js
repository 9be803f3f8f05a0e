// Puts the page together: the drawing goes to each card's worker, and the worker's answer to its card. On a card is
// a network, or an ensemble of several.
//
// As soon as a worker has answered, it is asked about the newest drawing. So a fast network keeps up with the hand,
// a large one follows when it can, and drawing waits for none of them.

import { drawingOn, SIDE } from "../browser/drawing/drawing.js";
import { centred, whole } from "../browser/drawing/picture.js";
import { addCard } from "./cards.js";
import { inVotes } from "./votes.js";

const FEW = 10; // networks; of more, the cards are small, and the votes alone are spoken

const textOf = (id) => document.getElementById(id).textContent;
const workerScript = URL.createObjectURL(new Blob([textOf("worker")], { type: "text/javascript" }));

let newest = { forms: null }; // the drawing in each form that a network may have learned; null if there is none

const [ofCards, networks, table, kernels] = ["of-cards", "networks", "table", "kernels"].map((id) =>
  JSON.parse(textOf(id)),
);
const votes = document.getElementById("votes");
const started = ofCards.map((ofCard) => startCard(ofCard));
networks.forEach((_, index) => document.getElementById(`numbers-${index}`).remove()); // the workers have them now
const drawing = drawingOn(document.getElementById("pad"), (ended) => look(ended));

document.getElementById("clear").addEventListener("click", drawing.clear);
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const isHere = event.target.matches("#pad, #clear"); // a letter must do nothing elsewhere
  if (event.key === "Escape" || (isHere && ["c", "C"].includes(event.key))) drawing.clear();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  drawing.repaint();
  started.forEach(({ card }) => card.repaint());
});
document.getElementById("choice").hidden = ofCards.length <= FEW;
document.getElementById("whole").addEventListener("change", showCards);
showCards();
look(false);

/** For tests: a card's answer to 28×28 pixels, the drawing as a network gets it, and the picture made of some ink. */
window.MNIST = {
  probabilities: async (index, pixels) =>
    (await started[index].ask(ofCards[index].networks.map(() => pixels), false)).probabilities,
  seen: (index) => Array.from(asLearned(networks[index], newest)),
  picture: (ink, rows, columns) => Array.from(centred(Float32Array.from(ink), rows, columns) ?? []),
  whole: (ink, rows, columns) => Array.from(whole(Float32Array.from(ink), rows, columns)),
};

/** Give the current drawing to the networks. ended: whether it will probably stay so for a while. */
async function look(ended) {
  const ink = drawing.isEmpty() ? null : drawing.ink();
  newest = { forms: ink && { digit: centred(ink, SIDE, SIDE), whole: whole(ink, SIDE, SIDE) } };
  const mine = newest;
  document.getElementById("invitation").hidden = !drawing.isEmpty();
  showSeen(asLearned(networks[0] ?? {}, newest));
  await Promise.all(started.map((each) => each.follow()));
  if (ended && mine.forms === newest.forms) {
    const each = ofCards.length > FEW ? [] : started.map(({ card }) => card.inWords());
    const words = ink ? [votes.textContent, ...each].filter(Boolean) : ["The sheet is empty"];
    document.getElementById("spoken").textContent = `${words.join(". ")}.`;
  }
}

/** Show how many of several networks say what, as far as they have answered. */
function count() {
  if (ofCards.length > 1) votes.textContent = inVotes(started.map(({ card }) => card.answer()));
}

/** Show whole cards, or only the answers of many networks. */
function showCards() {
  const whole = ofCards.length <= FEW || document.getElementById("whole").checked;
  document.getElementById("cards").classList.toggle("compact", !whole);
}

/** Start the worker of a card and add the card. places: the places of its networks among all. */
function startCard({ name, networks: places }) {
  const worker = new Worker(workerScript);
  const answering = places.map((place) => networks[place]);
  const card = addCard(document.getElementById("cards"), name, answering);
  const numbers = places.map((place) => textOf(`numbers-${place}`));
  const ready = asked(worker, { networks: answering, numbers, table, kernels });
  let last = ready;
  let shown = null;
  let following = null;

  /** The answer to some pixels, for each network its own, after the answers to all earlier questions. */
  function ask(pixels, maps) {
    last = last.then(() => asked(worker, { pixels, maps }));
    return last;
  }

  /** Show the answer to the newest drawing, until there is no newer one. */
  function follow() {
    following ??= showNewest().finally(() => {
      following = null;
    });
    return following;
  }

  async function showNewest() {
    try {
      await ready;
    } catch {
      card.wait("not loaded");
      return;
    }
    while (shown !== newest) {
      const looked = newest;
      if (looked.forms) {
        try {
          card.show(await ask(answering.map((network) => asLearned(network, looked)), card.wantsMaps()));
        } catch {
          card.wait("failed: reload this page"); // no older answer stays beside this drawing
        }
      } else {
        card.wait(textOf("invitation"));
      }
      count();
      shown = looked;
    }
  }

  card.wait("loading …");
  card.onOpen(() => {
    newest = { ...newest }; // a new object, so that the worker is asked again for maps
    follow();
  });
  return { ask, follow, card };
}

/** A worker's answer to a message. Send only one message at a time. */
function asked(worker, message) {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => {
      event.preventDefault(); // whoever asked is told
      reject(new Error(event.message));
    };
    worker.postMessage(message);
  });
}

/** A drawing in the form and the polarity that a network has learned; null if the sheet is empty. */
function asLearned({ form, ink }, { forms }) {
  if (!forms) return null;
  return ink === "dark" ? forms[form].map((grey) => 255 - grey) : forms[form];
}

/** The picture as the first network sees it. */
function showSeen(pixels) {
  const context = document.getElementById("seen").getContext("2d");
  const image = new ImageData(28, 28);
  for (let place = 0; place < 784; place++) {
    const grey = pixels ? pixels[place] : networks[0]?.ink === "dark" ? 255 : 0;
    image.data.set([grey, grey, grey, 255], 4 * place);
  }
  context.putImageData(image, 0, 0);
}
