"""Shared by the tests of several rooms: a mirror, a browser, and the real MNIST files if they are here."""

import gc
import importlib
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import examples
import pytest
from web_pages import PATIENCE, watched_page

from benchmarks.in_chromium import PROGRAMS, find_chromium
from MNIST import engines
from MNIST.browser import bundle, variable
from MNIST.errors import UsageError

MNIST_FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


# While a thread of PyTorch or of OpenBLAS waits, it keeps its core busy unless it is told to sleep. If other
# processes use the cores too, a training of two seconds then takes forty. Sleeping changes no number.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")

# What takes longest begins first, so that no worker is alone at the end. The rooms that use a browser
# follow one another, so that it stays open.
FIRST = ("commands", "training", "engines", "test_benchmarks.py", "test_cluster.py")
IN_A_BROWSER = ("browser", "lab", "page")


def pytest_configure(config: pytest.Config) -> None:
    """Give random tests fewer examples when slow tests are left out; heed Ctrl-C.

    A shell lets what it starts in the background ignore Ctrl-C, and so does every process that this starts.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    examples.choose_profile(quick="not slow" in config.option.markexpr)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the rooms and files that take longest, then those that use a browser."""

    def turn(item: pytest.Item) -> int:
        parts = item.path.parts
        return 0 if {*FIRST}.intersection(parts) else 1 if {*IN_A_BROWSER}.intersection(parts) else 2

    items.sort(key=turn)


def pytest_collection_finish() -> None:
    """Keep Python from looking through all tests and what they import whenever it collects garbage."""
    gc.freeze()


@pytest.fixture(scope="session")
def mnist_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the four real MNIST files, copied from a file URL in MNIST_MIRROR; skip without one."""
    for mirror in os.environ.get("MNIST_MIRROR", "").split(","):
        source = Path(url2pathname(urlsplit(mirror.strip()).path))
        if mirror.strip().startswith("file:") and all((source / name).is_file() for name in MNIST_FILES):
            folder = tmp_path_factory.mktemp("mnist")
            for name in MNIST_FILES:
                shutil.copyfile(source / name, folder / name)
            return folder
    pytest.skip("needs real MNIST: set MNIST_MIRROR to the file:// URL of a folder with its four files")


@pytest.fixture(params=engines.ENGINES)
def any_engine(request: pytest.FixtureRequest) -> str:
    """The name of each engine in turn; skip an engine whose library is missing."""
    return _there(request.param)


@pytest.fixture(params=[name for name in engines.ENGINES if name not in engines.WITHOUT_GRADIENTS])
def engine(request: pytest.FixtureRequest) -> str:
    """The name of each engine that trains by gradients, in turn; skip one whose library is missing."""
    return _there(request.param)


def _there(engine: str) -> str:
    try:
        engines.version(engine)
    except UsageError as error:
        pytest.skip(str(error))
    return engine


Answer = Callable[[BaseHTTPRequestHandler, bytes], None]


class Mirror(ThreadingHTTPServer):
    """A local HTTP server for the files of one folder, which answers as a test tells it to.

    requests: the method, path and Range header of every request so far.
    """

    daemon_threads = True

    def __init__(self, folder: Path, answer: Answer) -> None:
        self.folder, self.answer = folder, answer
        self.requests: list[tuple[str, str, str]] = []
        self.closing = threading.Event()
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/"


class _Handler(BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        self.server.requests.append((self.command, self.path, self.headers.get("Range", "")))
        path = self.server.folder / self.path.rsplit("/", 1)[-1]
        self.server.answer(self, path.read_bytes() if path.is_file() else b"")

    do_CONNECT = do_GET

    def log_message(self, *_: object) -> None:
        pass


def shared(name: str, what: str) -> Path:
    """A folder of data that lies beside the checkout or beside real MNIST; skip without it."""
    mirror = Path(url2pathname(urlsplit(os.environ.get("MNIST_MIRROR", "")).path))
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    for data in (beside, mirror.parent):
        if (data / name).is_dir():
            return data / name
    pytest.skip(f"needs {what}")


@pytest.fixture(scope="session")
def public_cases() -> Path:
    """The cases from public reports."""
    return shared("public_cases", "the cases from public reports")


@pytest.fixture(scope="session")
def handwriting() -> Path:
    """Real handwriting by many people, and `labels.csv` with the true digits."""
    return shared("handwriting", "real handwriting")


@pytest.fixture(scope="session")
def digits_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with scikit-learn's digits as four IDX files: a real dataset that needs no network."""
    from MNIST.data import download

    folder = tmp_path_factory.mktemp("digits")
    download(folder, dataset="digits")
    return folder


@pytest.fixture
def broken_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of one more engine, whose library is installed and cannot be loaded."""
    from MNIST.engine_names import ENGINES

    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "broken_engine.py").write_text("import broken_library", encoding="utf-8")
    error = "raise ImportError('libx.so: no such file', name='_x', path='_x.so')"
    (folder / "broken_library.py").write_text(error, encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setitem(ENGINES, "broken", "broken_engine")
    return "broken"


@pytest.fixture
def wrong_engine(monkeypatch: pytest.MonkeyPatch) -> str:
    """Leave three engines, one with a wrong gradient; return the weight whose gradient has the wrong sign.

    All three, `numpy`, `again` and `wrong`, are NumPy's, so they start quickly.
    """
    from MNIST.engine_names import ENGINES

    weight = "conv_1/kernel"
    numpy = importlib.import_module(ENGINES["numpy"])

    class Wrong:
        def __init__(self, engine: Any) -> None:
            self.engine = engine

        def __getattr__(self, name: str) -> Any:
            return getattr(self.engine, name)

        def gradients(self, images: Any, labels: Any) -> Any:
            loss, gradients = self.engine.gradients(images, labels)
            return loss, gradients | {weight: -gradients[weight]}

    module = ModuleType("wrong_engine")
    module.__dict__.update(vars(numpy) | {"build": lambda *spec, **how: Wrong(numpy.build(*spec, **how))})
    monkeypatch.setitem(sys.modules, "wrong_engine", module)
    monkeypatch.setattr("MNIST.certify.participants.BACKENDS", ())
    for name in reversed(list(ENGINES)):  # monkeypatch undoes in reverse order: this keeps the engines' order
        monkeypatch.delitem(ENGINES, name)
    for name, place in {"numpy": numpy.__name__, "again": numpy.__name__, "wrong": "wrong_engine"}.items():
        monkeypatch.setitem(ENGINES, name, place)
    return weight


def send(request: BaseHTTPRequestHandler, content: bytes) -> None:
    """Answer with the whole content, like a server that does not support Range."""
    request.send_response(200)
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    request.wfile.write(content)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Mirror]]:
    """Start a `Mirror` of a folder; requests to it do not go through this machine's proxy."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    mirrors = []

    def start(folder: Path, answer: Answer = send) -> Mirror:
        mirrors.append(Mirror(folder, answer))
        threading.Thread(target=mirrors[-1].serve_forever, args=(0.02,), daemon=True).start()
        return mirrors[-1]

    yield start
    for mirror in mirrors:
        mirror.closing.set()
        mirror.shutdown()
        mirror.server_close()


class Chromium:
    """This machine's Chromium without a window, kept open from one test file to the next."""

    def __init__(self) -> None:
        self._opened = ExitStack()
        self._browser: Any = None

    def browser(self) -> Any:
        """Playwright's Browser. Skip the test if it or Chromium is missing."""
        if self._browser is None:
            why = "needs Playwright: pip install playwright"
            playwright = pytest.importorskip("playwright.sync_api", reason=why)
            program = find_chromium()
            if program is None:
                pytest.skip(f"needs a browser: {', '.join(PROGRAMS)}, or one that CHROMIUM names")
            playwright.expect.set_options(timeout=PATIENCE)
            started = self._opened.enter_context(playwright.sync_playwright())
            self._browser = started.chromium.launch(executable_path=program, args=["--no-sandbox"])
            self._opened.callback(self._browser.close)
        return self._browser

    def close(self) -> None:
        """Close it, if it is open."""
        self._browser = None
        self._opened.close()


_CHROMIUM = Chromium()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Close Chromium before a file that does not use it: Playwright's event loop would disturb asyncio."""
    yield
    if nextitem is None or (nextitem.path != item.path and not _uses_chromium(nextitem)):
        _CHROMIUM.close()


def _uses_chromium(item: pytest.Item) -> bool:
    return "chromium" in getattr(item, "fixturenames", ())


@pytest.fixture(scope="module")
def chromium() -> Any:
    """Playwright's Browser: this machine's Chromium. Skip the test if either is missing."""
    return _CHROMIUM.browser()


@pytest.fixture(scope="module")
def modules(chromium: Any) -> Iterator[Callable[..., Any]]:
    """Open modules in an empty page, whose global names are then all that they export.

    Called with places below the package, such as "browser/language/parse.js"; returns the page. The pages
    stay open as long as the test file runs, and must neither fail nor use a network.
    """
    with ExitStack() as opened:

        def open_page(*places: str) -> Any:
            page = opened.enter_context(watched_page(chromium))
            names = "".join(f"Object.assign(globalThis, {variable(place)});\n" for place in places)
            page.add_script_tag(content=bundle(*places) + names)
            return page

        yield open_page


@pytest.fixture
def browser_page(chromium: Any) -> Iterator[Any]:
    """An empty page of that browser. After the test it checks that nothing failed or used the network."""
    with watched_page(chromium) as page:
        yield page
