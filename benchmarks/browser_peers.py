"""Training in a browser: images a second of the laboratory, TensorFlow.js and ConvNetJS in one Chromium.

    python -m benchmarks.browser_peers <dataset-dir> <node-modules> [<seconds>]

<node-modules> is the folder that npm makes where this was typed:

    npm install @tensorflow/tfjs@4.22.0 @tensorflow/tfjs-backend-wasm@4.22.0 convnetjs@0.3.0

The first network is that of ConvNetJS's own MNIST demonstration: two convolutions of 8 and 16 filters, two
pools. The second one has dense layers only. Each is trained by Adam on batches of 128 real images for some
seconds, 5 by default; what comes first does not count. There are three rounds, the libraries in turn. The
laboratory trains as its page does, in workers on all cores. TensorFlow.js runs on each backend that can train
the network without a graphics processor (`webgl` is then computed by the processor); the best one counts.
It prints the ratios of the medians. They must be at least 5 beside TensorFlow.js and 15 beside ConvNetJS,
which trains only the first network.
"""

import functools
import statistics
import sys
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks.arguments import read_arguments
from benchmarks.in_chromium import chromium, laboratory
from MNIST.data import Dataset, load

ROUNDS = 3
BATCH = 128
IMAGES = 6_400  # that each library trains on, again and again
BACKENDS = "cpu", "webgl", "wasm"
GOALS = {"TensorFlow.js": 5, "ConvNetJS": 15}
SCRIPTS = {
    "TensorFlow.js": "@tensorflow/tfjs/dist/tf.min.js",
    "its backend wasm": "@tensorflow/tfjs-backend-wasm/dist/tf-backend-wasm.min.js",
    "ConvNetJS": "convnetjs/build/convnet.js",
}
ENDING = f"Optimizer:\nAdam,0.001\nepochs=100000\nbatch={BATCH}\n"
TEXTS = {
    "convolutions": "Layers:\nConv,8,5,5,relu,padding=same\nMaxPool,2,2\nConv,16,5,5,relu,padding=same\n"
    f"MaxPool,3,3\nFlatten\nDense,10,softmax\n{ENDING}",
    "dense layers": f"Layers:\nFlatten\nDense,512,relu\nDense,256,relu\nDense,10,softmax\n{ENDING}",
}
IN_TENSORFLOW = {
    "convolutions": """[
        tf.layers.inputLayer({ inputShape: [28, 28, 1] }),
        tf.layers.conv2d({ filters: 8, kernelSize: 5, activation: "relu", padding: "same" }),
        tf.layers.maxPooling2d({ poolSize: 2, strides: 2 }),
        tf.layers.conv2d({ filters: 16, kernelSize: 5, activation: "relu", padding: "same" }),
        tf.layers.maxPooling2d({ poolSize: 3, strides: 3 }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 10, activation: "softmax" })]""",
    "dense layers": """[
        tf.layers.flatten({ inputShape: [28, 28, 1] }),
        tf.layers.dense({ units: 512, activation: "relu" }),
        tf.layers.dense({ units: 256, activation: "relu" }),
        tf.layers.dense({ units: 10, activation: "softmax" })]""",
}
TENSORFLOW = """async ({ layers, backend, seconds, batch, images, labels, wasm }) => {
  if (backend === "wasm") tf.wasm.setWasmPaths(wasm);
  if (!(await tf.setBackend(backend))) return null;
  await tf.ready();
  const model = tf.sequential({ layers: eval(layers) });
  model.compile({ optimizer: tf.train.adam(0.001), loss: "categoricalCrossentropy", metrics: ["accuracy"] });
  const bytes = Uint8Array.from(atob(images), (letter) => letter.charCodeAt(0));
  const x = tf.tensor4d(Float32Array.from(bytes, (value) => value / 255), [labels.length, 28, 28, 1]);
  const y = tf.oneHot(tf.tensor1d(labels, "int32"), 10);
  const batches = Math.floor(labels.length / batch);
  const step = (index) => {
    const begin = (index % batches) * batch;
    const [xs, ys] = [x.slice([begin, 0, 0, 0], [batch, 28, 28, 1]), y.slice([begin, 0], [batch, 10])];
    return model.trainOnBatch(xs, ys).finally(() => tf.dispose([xs, ys]));
  };
  try {
    await step(0);
  } catch (error) {
    if (/not registered for backend/.test(error.message)) return null;
    throw error;
  }
  const begin = performance.now();
  let count = 0;
  while (performance.now() - begin < 1000 * seconds) await step(++count);
  return (1000 * count * batch) / (performance.now() - begin);
}"""
CONVNET = """({ seconds, batch, images, labels }) => {
  const net = new convnetjs.Net();
  net.makeLayers([
    { type: "input", out_sx: 28, out_sy: 28, out_depth: 1 },
    { type: "conv", sx: 5, filters: 8, stride: 1, pad: 2, activation: "relu" },
    { type: "pool", sx: 2, stride: 2 },
    { type: "conv", sx: 5, filters: 16, stride: 1, pad: 2, activation: "relu" },
    { type: "pool", sx: 3, stride: 3 },
    { type: "softmax", num_classes: 10 },
  ]);
  const how = { method: "adam", learning_rate: 0.001, batch_size: batch, l2_decay: 0 };
  const trainer = new convnetjs.SGDTrainer(net, how);
  const bytes = Uint8Array.from(atob(images), (letter) => letter.charCodeAt(0));
  const volumes = labels.map((_, image) => {
    const volume = new convnetjs.Vol(28, 28, 1, 0);
    for (let place = 0; place < 784; place++) volume.w[place] = bytes[784 * image + place] / 255;
    return volume;
  });
  for (let image = 0; image < batch; image++) trainer.train(volumes[image], labels[image]);
  const begin = performance.now();
  let count = batch;
  for (; performance.now() - begin < 1000 * seconds; count++) {
    trainer.train(volumes[count % labels.length], labels[count % labels.length]);
  }
  return (1000 * (count - batch)) / (performance.now() - begin);
}"""
LABORATORY = """async ({ text, seconds }) => {
  const stopping = new AbortController();
  const epochs = [];
  let begin = null;
  await laboratory.train({
    text, name: "peer", split: 1, signal: stopping.signal,
    onEpoch: (epoch) => {
      if (begin !== null) epochs.push(epoch.seconds);
      begin ??= performance.now(); // the first epoch does not count
      if (performance.now() - begin > 1000 * seconds) stopping.abort();
    },
  });
  return epochs;
}"""


def main() -> int:
    """Print the ratios; return 1 if one misses its goal, 2 if a peer is not there."""
    wanted = read_arguments(__doc__, "dataset_dir", "node_modules", seconds=5)
    modules = Path(wanted.node_modules)
    missing = [name for name, script in SCRIPTS.items() if not (modules / script).is_file()]
    if missing:
        print(f"{modules} lacks {' and '.join(missing)}; --help has the line for npm", file=sys.stderr)
        return 2
    dataset = load(Path(wanted.dataset_dir))
    data = {
        "batch": BATCH,
        "seconds": wanted.seconds,
        "images": b64encode(dataset.train_images[:IMAGES].tobytes()).decode(),
        "labels": dataset.train_labels[:IMAGES].tolist(),
    }
    good = True
    with chromium() as browser, served(modules) as address:
        for name, text in TEXTS.items():
            runs: dict[str, Callable[[], float | None]] = {
                "laboratory": functools.partial(ours, browser, dataset, text, wanted.seconds)
            }
            for backend in BACKENDS:
                peer = functools.partial(tensorflow, browser, address, name, backend, data)
                runs[f"TensorFlow.js, {backend}"] = peer
            if name == "convolutions":
                runs["ConvNetJS"] = functools.partial(convnet, browser, address, data)
            good &= _compared(name, runs)
    return 0 if good else 1


def _compared(network: str, runs: dict[str, Callable[[], float | None]]) -> bool:
    """Let all train in turn, and print their medians and the ratios. Return whether the goals are met."""
    rates: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            rate = run()
            if rate is not None:
                rates.setdefault(name, []).append(rate)
    medians = {name: statistics.median(found) for name, found in rates.items()}
    for name, median in medians.items():
        print(f"{network}: {name}: {median:,.0f} images a second")
    good = True
    for peer, goal in GOALS.items():
        best = max((median for name, median in medians.items() if name.startswith(peer)), default=None)
        if best is not None:
            ratio = medians["laboratory"] / best
            print(f"{network}: laboratory / {peer}: ratio {ratio:.2f} of the medians (goal: at least {goal})")
            good &= ratio >= goal
    return good


def ours(browser: Any, dataset: Dataset, text: str, seconds: int) -> float:
    """Images a second of the laboratory, in all its workers."""
    with laboratory(browser, dataset, IMAGES) as page:
        epochs = page.evaluate(LABORATORY, {"text": text, "seconds": seconds})
    return IMAGES / statistics.median(epochs)


def tensorflow(browser: Any, address: str, network: str, backend: str, data: dict[str, Any]) -> float | None:
    """Images a second of TensorFlow.js; None if this backend cannot train the network."""
    with _page(browser, address, "TensorFlow.js", "its backend wasm") as page:
        wasm = f"{address}{SCRIPTS['its backend wasm'].rsplit('/', 1)[0]}/"
        how = {"layers": IN_TENSORFLOW[network], "backend": backend, "wasm": wasm}
        found: float | None = page.evaluate(TENSORFLOW, data | how)
        return found


def convnet(browser: Any, address: str, data: dict[str, Any]) -> float:
    """Images a second of ConvNetJS."""
    with _page(browser, address, "ConvNetJS") as page:
        found: float = page.evaluate(CONVNET, data)
        return found


@contextmanager
def _page(browser: Any, address: str, *scripts: str) -> Iterator[Any]:
    page = browser.new_page()
    page.goto(address)
    for script in scripts:
        page.add_script_tag(url=address + SCRIPTS[script])
    yield page
    page.close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address at which a folder's files can be had on this machine: one backend fetches its own code."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


if __name__ == "__main__":
    raise SystemExit(main())
