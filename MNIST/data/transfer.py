"""Fetch the bytes behind one http, https or file URL, within limits of size and time; resume if it is cut."""

import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self
from urllib.parse import urljoin, urlsplit
from urllib.request import url2pathname

from MNIST.errors import DownloadError
from MNIST.files import read_whole

if TYPE_CHECKING:
    import requests

ATTEMPTS = 10  # attempts at one URL, each of which must get further than the one before
SLOWEST = 1024  # bytes a second; a mirror below it counts as stalled
CHUNK = 65536
PULSE = 0.1  # seconds between two looks at what has come
CONNECT = 5.0  # seconds until a connection is made; an address behind a firewall never answers

OnBytes = Callable[[int, int | None], None]


class Received(Protocol):
    """Where what has come is kept: a bytearray, or a file."""

    def __iadd__(self, more: bytes) -> Self: ...
    def __len__(self) -> int: ...
    def clear(self) -> None: ...


class OnDisk:
    """What has come, in a file, for what is too large for the memory."""

    def __init__(self, path: Path) -> None:
        self._stream = path.open("w+b")

    def __iadd__(self, more: bytes) -> Self:
        self._stream.write(more)
        return self

    def __len__(self) -> int:
        return self._stream.tell()

    def clear(self) -> None:
        self._stream.seek(0)
        self._stream.truncate()

    def close(self) -> None:
        self._stream.close()


def receive(url: str, limit: int, timeout: float, on_bytes: OnBytes) -> bytes:
    """Return everything behind a URL, as its server sent it, if that is at most `limit` bytes.

    As `receive_into`.
    """
    received = bytearray()
    receive_into(received, url, limit, timeout, on_bytes)
    return bytes(received)


def receive_into(received: Received, url: str, limit: int, timeout: float, on_bytes: OnBytes) -> None:
    """Append everything behind a URL, as its server sent it, if that is at most `limit` bytes.

    timeout: seconds without a byte, or of an average below `SLOWEST`, after which it gives up.
    on_bytes: called with the bytes received and those expected in all (None: unknown).
    Raises DownloadError with the reason, without the URL.
    """
    if urlsplit(url).scheme == "file":
        received += _read_file(url, limit)
        return
    told: deque[tuple[int, int | None]] = deque(maxlen=1)  # the newest progress
    failures: list[BaseException] = []

    def transfer() -> None:
        try:
            _receive(url, received, limit, timeout, lambda *progress: told.append(progress))
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
            failures.append(error)

    # A server that sends its headers a byte at a time keeps every read alive. So another thread reads, and
    # this one looks at how much has come. A thread that is left alone writes nothing on the screen.
    thread = threading.Thread(target=transfer, daemon=True)
    thread.start()
    begun, before = time.monotonic(), 0
    while thread.is_alive() or told:
        thread.join(PULSE)
        while told:
            on_bytes(*told.pop())
        seconds, new = time.monotonic() - begun, len(received) - before
        if seconds > timeout + CONNECT:  # the reader itself gives up before, if it can
            if 0 <= new < SLOWEST * seconds:
                raise DownloadError(f"no answer for {timeout:g} seconds")
            begun, before = time.monotonic(), len(received)
    if failures:
        raise failures[0]


def _receive(url: str, received: Received, limit: int, timeout: float, on_bytes: OnBytes) -> None:
    """Append all that is behind a URL; go on where a connection was cut."""
    import requests
    from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError

    with requests.Session() as session:
        session.hooks["response"].append(_refuse_downgrade)
        for _ in range(ATTEMPTS):
            before = len(received)
            try:
                _continue(session, url, received, limit, timeout, on_bytes)
                return
            except ProtocolError:  # the connection was cut before the announced end
                if len(received) <= before:
                    break
            except (requests.Timeout, ReadTimeoutError):
                raise DownloadError(f"no answer for {timeout:g} seconds") from None
            # ValueError: the answer is a redirect to something that is no URL.
            except (requests.RequestException, HTTPError, ValueError) as error:
                raise DownloadError(_innermost(error)) from None
    raise DownloadError(f"the connection was cut after {len(received):,} bytes")


def _continue(
    session: "requests.Session", url: str, received: Received, limit: int, timeout: float, on_bytes: OnBytes
) -> None:
    """Append the missing rest to `received`, or begin again if the server cannot resume."""
    headers = {"Accept-Encoding": "identity"}
    if received:
        headers["Range"] = f"bytes={len(received)}-"
    with session.get(url, headers=headers, stream=True, timeout=(min(timeout, CONNECT), timeout)) as response:
        if response.status_code not in (200, 206):
            reason = "".join(letter for letter in str(response.reason)[:60] if letter.isprintable())
            raise DownloadError(f"HTTP {response.status_code} {reason}")
        if response.status_code == 200:
            received.clear()
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {len(received)}-"):
            raise DownloadError("the server sent another range than it was asked for")
        begun, before = time.monotonic(), len(received)
        length = response.headers.get("Content-Length", "")
        expected = before + int(length) if length.isdecimal() else None
        # Undecoded, so that ranges stay correct; a server's own gzip is undone where the content is verified.
        while chunk := response.raw.read1(CHUNK, decode_content=False):
            received += chunk
            if len(received) > limit:
                raise DownloadError(f"expected at most {limit:,} bytes, found more")
            seconds = time.monotonic() - begun
            if seconds > timeout and len(received) - before < SLOWEST * seconds:
                raise DownloadError(f"slower than {SLOWEST:,} bytes a second")
            on_bytes(len(received), expected)


def path_of(url: str) -> Path:
    """The path behind a file URL; a server in it, as of a share of Windows, begins the path."""
    parts = urlsplit(url)
    server = "" if parts.netloc in ("", "localhost") else f"//{parts.netloc}"
    return Path(url2pathname(server + parts.path))


def _read_file(url: str, limit: int) -> bytes:
    try:
        content = read_whole(path_of(url), limit)
    except OSError as error:
        raise DownloadError(error.strerror or str(error)) from None
    if len(content) > limit:
        raise DownloadError(f"expected at most {limit:,} bytes, found more")
    return content


def _refuse_downgrade(response: "requests.Response", **_: Any) -> None:
    """Refuse a redirect from https to http, because anyone on the way could read and change the answer."""
    import requests

    target = urljoin(response.url, response.headers.get("Location", ""))
    if response.is_redirect and (urlsplit(response.url).scheme, urlsplit(target).scheme) == ("https", "http"):
        raise requests.exceptions.InvalidSchema("a redirect from https to http is refused")


def _innermost(error: BaseException) -> str:
    """The system's own message, below the layers of libraries that wrapped it."""
    while error.__context__ is not None:
        error = error.__context__
    return getattr(error, "strerror", None) or str(error)
