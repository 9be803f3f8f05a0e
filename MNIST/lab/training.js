// The buttons Train, Stop, Go on and Test, and the figures that they change.

import { SpecError } from "../browser/language/language.js";
import { answersOf } from "../browser/training/metrics.js";
import { canGoOn } from "../browser/training/start.js";
import { counted, duration, percent, say, thousands } from "./words.js";
import { addNetwork, freeName } from "./networks.js";

const STAYS = 10_000; // milliseconds that what is told stays before the progress of a training takes its place

const byName = (name) => document.querySelector(`[data-test="${name}"]`);
/** Let the buttons work. lab: {state, laboratory() → Promise, settings() → {seed, images, split}}. */
export function createTraining(lab) {
  const { state } = lab;
  const [train, stop, goOn, test, message, progress] = [
    "train",
    "stop",
    "go-on",
    "test",
    "message",
    "progress",
  ].map((id) => document.getElementById(id));
  let stopping = null;
  let isTesting = false;
  let toldAt = -Infinity;

  function tell(sentence, isBad = false) {
    toldAt = sentence ? performance.now() : -Infinity;
    message.textContent = sentence;
    message.classList.toggle("bad", isBad);
  }

  /** A few words beside the buttons, which stay in sight where the figures do not. */
  function brief(words) {
    document.getElementById("brief").textContent = words;
  }

  /** Train a text to its end, or until it is stopped. wishes: as `Laboratory.train` takes them. */
  async function run(wishes) {
    stopping = new AbortController();
    const begun = {
      early: [],
      history: [...(wishes.from?.history ?? [])],
      seconds: wishes.from?.seconds ?? 0,
      epochs: wishes.epochs ?? state.get("parsed").spec.epochs,
    };
    state.set({ phase: "training", progress: null, running: { text: wishes.text, ...begun } });
    show(begun.history.at(-1), begun.epochs, 0);
    showShare(begun.history.length / begun.epochs);
    byName("images-per-second").textContent = "–";
    brief("beginning …");
    tell(state.get("dataset") ? "" : "unpacking the images …");
    const clock = { last: -1 };
    try {
      const laboratory = await lab.laboratory();
      tell("");
      const trained = await laboratory.train({
        ...wishes,
        signal: stopping.signal,
        onProgress: (now) => onProgress(now, clock),
        onEpoch,
      });
      finish(trained, wishes.from);
    } catch (error) {
      fail(error, wishes.from);
    }
  }

  function onProgress(now, clock) {
    const running = state.get("running");
    const second = Math.floor(performance.now() / 1000);
    const isEarly = now.epoch === 1 && second !== clock.last && Number.isFinite(now.loss);
    if (isEarly) {
      clock.last = second;
      const point = { epoch: now.step / now.steps, loss: now.loss, accuracy: now.accuracy };
      state.set({ running: { ...running, early: [...running.early, point] } });
    }
    state.set({ progress: now });
    byName("epoch").textContent = `${now.epoch}`;
    byName("images-per-second").textContent = thousands(now.imagesPerSecond);
    showShare((now.epoch - 1 + now.step / now.steps) / now.epochs);
    const left = Number.isFinite(now.secondsLeft) ? ` · about ${duration(now.secondsLeft)} left` : "";
    const place = `epoch ${now.epoch} of ${now.epochs}`;
    if (performance.now() - toldAt > STAYS) {
      tell("");
      message.textContent = `${place}${left}`;
    }
    brief(place);
  }

  function showShare(share) {
    progress.firstElementChild.style.transform = `scaleX(${share})`;
    progress.setAttribute("aria-valuenow", Math.round(100 * share));
  }

  function onEpoch(result) {
    const running = state.get("running");
    running.history.push(result); // in place: to copy a history of thousands takes longer than a quick epoch
    const seconds = running.seconds + result.seconds;
    state.set({ running: { ...running, seconds } });
    show(result, running.epochs, seconds);
  }

  function show(result, epochs, seconds) {
    byName("epoch").textContent = result ? `${result.epoch}` : "–";
    document.getElementById("of-epochs").textContent = ` of ${epochs}`;
    byName("validation-accuracy").textContent = Number.isFinite(result?.valAccuracy)
      ? percent(result.valAccuracy)
      : "–";
    byName("test-accuracy").textContent = "–";
    byName("seconds").textContent = seconds ? seconds.toFixed(1) : "–";
  }

  function finish(trained, from) {
    const { history, stopped, seconds, keptEpoch, spec } = trained;
    if (!isNew(trained, from)) {
      state.set({ phase: "stopped", running: null });
      tell(
        `stopped within ${history.length ? `epoch ${history.length + 1}` : "the first epoch"}: nothing new is kept`,
      );
      say("Training stopped");
      return;
    }
    const isEarly = !stopped && history.length < spec.epochs;
    const why = stopped ? "stopped" : isEarly ? "ended by the rules of Stop:" : "finished";
    const keeps = keptEpoch === history.length ? "" : `; it keeps the weights of epoch ${keptEpoch}`;
    const { name } = add(trained);
    state.set({ phase: stopped ? "stopped" : "finished", running: null });
    tell(`${name}: ${why} after ${counted(history.length, "epoch")} in ${duration(seconds)}${keeps}`);
    say(`Training of ${name} ${why}. Validation accuracy ${byName("validation-accuracy").textContent}`);
  }

  /** Say what failed, and keep the whole epochs before. */
  function fail(error, from) {
    const { trained } = error;
    const keeps = isNew(trained, from);
    const kept = keeps
      ? `. Kept: ${add(trained).name}, as it was after ${counted(trained.history.length, "epoch")}`
      : "";
    state.set({ phase: "failed", running: null });
    tell(error instanceof SpecError ? "the text has mistakes" : `${error.message}${kept}`, true);
    say(`Training failed: ${error.message}${kept}`);
  }

  /** Add a network; return it. A file that was opened meanwhile may have brought one of the same name. */
  function add(trained) {
    const named = { ...trained, name: freeName(state, trained.name) };
    addNetwork(state, named);
    return named;
  }

  /** What the current text and settings ask for. */
  function wished() {
    const name = freeName(state, state.get("name"));
    return { text: state.get("text"), name, ...lab.settings() };
  }

  function begin() {
    if (!train.disabled) run(wished());
  }

  train.addEventListener("click", begin);
  stop.addEventListener("click", () => {
    stopping?.abort();
    tell("stopping …");
  });
  goOn.addEventListener("click", () => {
    const from = state.get("shown").trained;
    const { text, seed, split, images, history, spec } = from;
    const epochs = history.length < spec.epochs ? spec.epochs : history.length + state.get("parsed").spec.epochs;
    run({ text, name: freeName(state, from.name), seed, split, images, epochs, from });
  });
  test.addEventListener("click", async () => {
    const network = state.get("shown");
    isTesting = true;
    allow();
    tell("testing …");
    try {
      const laboratory = await lab.laboratory();
      const result = await laboratory.test(network.trained);
      network.result = { ...result, correctOf: correctOf(result, state.get("dataset")) };
      state.set({ tests: state.get("tests") + 1, networks: [...state.get("networks")] });
      const { correct, count } = result;
      const { name } = network.trained; // another one may be shown by now
      tell(`${name}: ${thousands(correct)} of ${counted(count, "test image")} right`);
      say(`Test accuracy of ${name}: ${percent(result.accuracy)}`);
    } catch (error) {
      tell(error.message, true);
      say(`The test failed: ${error.message}`);
    }
    isTesting = false;
    allow();
  });

  /** Which buttons can be used now. */
  function allow() {
    const [phase, parsed, shown] = ["phase", "parsed", "shown"].map(state.get);
    const isTraining = phase === "training";
    train.disabled = isTraining || isTesting || !parsed?.spec || parsed.text !== state.get("text");
    if (stop.disabled === isTraining) stop.disabled = !isTraining;
    test.disabled = isTraining || isTesting || !shown;
    goOn.disabled = isTesting;
    goOn.hidden = isTraining || !shown || !canGoOn(shown.trained) || shown.trained.text !== state.get("text");
    progress.hidden = !isTraining;
    const label = document.getElementById("state");
    if (label.textContent !== phase) label.textContent = phase;
    label.dataset.phase = phase;
  }

  /** The figures of the network that is shown. */
  function showNetwork() {
    const network = state.get("shown");
    if (state.get("phase") === "training" || !network) return;
    const { trained, result } = network;
    const kept = trained.history[trained.keptEpoch - 1] ?? trained.history.at(-1);
    show(kept && { ...kept, epoch: trained.history.length }, trained.spec.epochs, trained.seconds);
    byName("test-accuracy").textContent = result ? percent(result.accuracy) : "–";
    const images = trained.trainingImages * trained.history.length;
    byName("images-per-second").textContent = trained.seconds ? thousands(Math.round(images / trained.seconds)) : "–";
    const validation = byName("validation-accuracy").textContent;
    brief(result ? `test ${percent(result.accuracy)}` : `validation ${validation}`);
  }

  function explainTest() {
    const [tests, shown] = [state.get("tests"), state.get("shown")];
    const used = ["Not used yet", "Used once", "Used twice"][tests] ?? `Used ${tests} times`;
    const why =
      tests < 2
        ? "while you try things, look at Validation."
        : "each time you choose by it, it flatters a little more; choose by Validation.";
    const asked = shown ? `Test asks ${shown.trained.name}` : "Test asks the network";
    document.getElementById("about-test").textContent =
      `${asked} about images that are kept apart from all training. ${used}; ${why}`;
  }

  state.watch(["phase", "parsed", "shown", "text"], allow);
  state.watch(["shown", "networks", "phase"], showNetwork);
  state.watch(["tests", "shown"], explainTest);
  allow();
  explainTest();
  return { begin, tell };
}

/** Whether a training has come to a whole epoch that the network from which it went on does not have. */
function isNew(trained, from) {
  const last = trained?.history.at(-1);
  return last !== undefined && last !== from?.history.at(-1);
}

/** For each test image whether its likeliest class is its own: an array of 0 and 1. */
function correctOf({ probabilities }, { classes, testLabels }) {
  return answersOf(probabilities, classes.length).map((answer, image) => +(answer === testLabels[image]));
}
