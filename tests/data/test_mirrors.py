"""Every way in which a mirror is known to fail, tested on a server that fails in this way."""

import contextlib
import gzip
import hashlib
import nturl2path
import re
import shutil
import ssl
import subprocess
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import numpy as np
import pytest
from examples import slowly

from MNIST.data import DATASETS, About, download, idx, load
from MNIST.data.about import about_files
from MNIST.data.catalogue import FILE_NAMES, PublishedDataset, PublishedFile
from MNIST.data.download import Progress
from MNIST.data.transfer import path_of
from MNIST.errors import DataError, DownloadError, UsageError

Request = BaseHTTPRequestHandler
IMAGES = f"{FILE_NAMES[0]}.gz"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the four files of a tiny dataset; its images are noise, which gzip can only halve."""
    folder = tmp_path_factory.mktemp("source")
    random = np.random.default_rng(0)
    for name, count in zip(FILE_NAMES, (200, 200, 20, 20), strict=True):
        shape = (count, 28, 28) if "images" in name else (count,)
        array = random.integers(0, 16 if "images" in name else 10, shape, np.uint8)
        (folder / f"{name}.gz").write_bytes(gzip.compress(idx.encode(array), mtime=0))
    return folder


@pytest.fixture(autouse=True)
def tiny(source: Path, monkeypatch: pytest.MonkeyPatch) -> PublishedDataset:
    """Put the dataset "tiny" into the catalogue, without mirrors; unset MNIST_MIRROR."""
    contents = [gzip.decompress((source / f"{name}.gz").read_bytes()) for name in FILE_NAMES]
    files = tuple(
        PublishedFile(name, len(content), hashlib.sha256(content).hexdigest())
        for name, content in zip(FILE_NAMES, contents, strict=True)
    )
    monkeypatch.setitem(DATASETS, "tiny", PublishedDataset(files, ()))
    monkeypatch.delenv("MNIST_MIRROR", raising=False)
    return DATASETS["tiny"]


@pytest.fixture
def fetch(tmp_path: Path) -> Callable[..., list[str]]:
    """Download "tiny" into tmp_path/data from some mirrors; check the files; return the reported problems."""

    def start(*mirrors: object, timeout: float = 60.0, replace: bool = False) -> list[str]:
        told: list[Progress] = []
        urls = [getattr(mirror, "url", mirror) for mirror in mirrors]
        try:
            download(tmp_path / "data", "tiny", urls, replace, told.append, timeout)
        finally:
            names = {path.name for path in (tmp_path / "data").iterdir()}
            assert names <= {f"{name}.gz" for name in FILE_NAMES}  # no lock and no temporary file stays
        for file in DATASETS["tiny"].files:
            found = idx.sha256(idx.read_idx(tmp_path / "data" / file.gz_name, file.rank))
            assert found == file.sha256
        return [progress.problem for progress in told if progress.problem]

    return start


def status(code: int) -> Callable[[Request, bytes], None]:
    return lambda request, content: request.send_error(code)


def send_html(request: Request, content: bytes) -> None:
    page = b"<html><body>Please sign in to the school's network</body></html>"
    request.send_response(200)
    request.send_header("Content-Type", "text/html")
    request.send_header("Content-Length", str(len(page)))
    request.end_headers()
    request.wfile.write(page)


def send_endlessly(request: Request, content: bytes) -> None:
    request.send_response(200)
    request.end_headers()
    try:
        while not request.server.closing.is_set():  # type: ignore[attr-defined]
            request.wfile.write(bytes(65536))
    except OSError:
        pass  # the client has closed the connection, as it should


def stall(request: Request, content: bytes) -> None:
    request.send_response(200)
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    request.wfile.write(content[:100])
    request.wfile.flush()
    request.server.closing.wait()  # type: ignore[attr-defined]


def trickle(request: Request, content: bytes) -> None:
    request.send_response(200)
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    while not request.server.closing.wait(0.05):  # type: ignore[attr-defined]
        request.wfile.write(b"\x1f")


def send_a_bomb(request: Request, content: bytes) -> None:
    request.send_response(200)
    request.end_headers()
    request.wfile.write(gzip.compress(bytes(10_000_000)))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (status(403), "HTTP 403 Forbidden"),
        (status(404), "HTTP 404 Not Found"),
        (status(503), "HTTP 503 Service Unavailable"),
        (send_html, r"found 64 with .*, beginning with b'<html><body>Ple"),
        (send_endlessly, "expected at most .* bytes, found more"),
        (send_a_bomb, "expected .* bytes in the gzip, found more"),
        (stall, "no answer for 2 seconds"),
        (trickle, "slower than 1,024 bytes a second"),
        (lambda request, content: None, "closed connection without response"),
    ],
    ids=["403", "404", "503", "html", "endless", "bomb", "stalled", "trickle", "silent"],
)
def test_a_bad_mirror_is_left_for_the_next(fetch, serve, source: Path, answer, reason: str) -> None:
    bad, good = serve(source, answer), source.as_uri()  # reading a file is always fast enough
    (problem,) = fetch(bad, good, timeout=2 if answer in (stall, trickle) else 60)
    assert problem.startswith(f"{bad.url}{IMAGES}: ")
    assert re.search(reason, problem)
    assert len(bad.requests) == 1  # after its success, the good mirror is tried first


def test_a_cut_connection_is_resumed(fetch, serve, source: Path) -> None:
    def cut(request: Request, content: bytes) -> None:
        start = int(request.headers.get("Range", "bytes=0-")[6:-1])
        request.send_response(206 if start else 200)
        request.send_header("Content-Length", str(len(content) - start))
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        request.end_headers()
        request.wfile.write(content[start : None if start else len(content) // 2])

    mirror = serve(source, cut)
    assert fetch(mirror) == []
    half = (source / IMAGES).stat().st_size // 2
    assert [asked for _, path, asked in mirror.requests if path.endswith(IMAGES)] == ["", f"bytes={half}-"]


def test_a_server_without_ranges_begins_again(fetch, serve, source: Path) -> None:
    def cut_once(request: Request, content: bytes) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content if "Range" in request.headers else content[: len(content) // 2])

    assert fetch(serve(source, cut_once)) == []


def test_a_connection_that_is_always_cut_is_given_up(fetch, serve, source: Path) -> None:
    def cut(request: Request, content: bytes) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content[: len(content) // 2])

    bad = serve(source, cut)
    (problem,) = fetch(bad, serve(source))
    assert "the connection was cut after" in problem
    assert len(bad.requests) == 2


def test_another_range_than_asked_for_is_refused(fetch, serve, source: Path) -> None:
    def wrong(request: Request, content: bytes) -> None:
        request.send_response(206 if "Range" in request.headers else 200)
        request.send_header("Content-Length", str(len(content)))
        request.send_header("Content-Range", f"bytes 0-{len(content) - 1}/{len(content)}")
        request.end_headers()
        request.wfile.write(content[: len(content) // 2])

    (problem,) = fetch(serve(source, wrong), serve(source))
    assert "another range" in problem


def deflate_once_more(request: Request, content: bytes) -> None:
    content = gzip.compress(content)
    request.send_response(200)
    request.send_header("Content-Encoding", "gzip")
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    request.wfile.write(content)


def send_chunked_plain(request: Request, content: bytes) -> None:
    request.protocol_version = "HTTP/1.1"
    request.send_response(200)
    request.send_header("Transfer-Encoding", "chunked")
    request.end_headers()
    plain = gzip.decompress(content)
    for start in range(0, len(plain), 10_000):
        chunk = plain[start : start + 10_000]
        request.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
    request.wfile.write(b"0\r\n\r\n")
    request.close_connection = True


def send_recompressed(request: Request, content: bytes) -> None:
    request.send_response(200)
    request.end_headers()
    request.wfile.write(gzip.compress(gzip.decompress(content), 1))


@pytest.mark.parametrize("answer", [deflate_once_more, send_chunked_plain, send_recompressed])
def test_only_the_uncompressed_bytes_count(fetch, serve, source: Path, answer) -> None:
    assert fetch(serve(source, answer)) == []


def test_all_fail_names_every_url_and_a_way_out(fetch, serve, source: Path, tmp_path: Path) -> None:
    first, second = serve(source, status(404)), serve(source, send_html)
    secret = second.url.replace("//", "//me:pass%20word@")
    with pytest.raises(DownloadError) as caught:
        fetch(first, secret, "http://127.0.0.1:9/", (tmp_path / "nothing").as_uri())
    message = str(caught.value)
    assert f"{first.url}{IMAGES}: HTTP 404 Not Found" in message
    assert f"{second.url}{IMAGES}: expected" in message
    assert "http://127.0.0.1:9/train-images-idx3-ubyte.gz: Connection refused" in message
    assert "nothing/train-images-idx3-ubyte.gz: No such file" in message
    assert "--dataset digits" in message
    assert "word" not in message
    assert list((tmp_path / "data").iterdir()) == []


def test_sound_files_cost_no_request(fetch, serve, source: Path, tmp_path: Path) -> None:
    shutil.copytree(source, tmp_path / "data")
    mirror = serve(source)
    fetch(mirror)
    assert mirror.requests == []


def test_one_flipped_bit_is_fetched_again(fetch, serve, source: Path, tmp_path: Path) -> None:
    shutil.copytree(source, tmp_path / "data")
    content = bytearray((source / IMAGES).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "data" / IMAGES).write_bytes(content)
    mirror = serve(source)
    fetch(mirror)
    assert [path for _, path, _ in mirror.requests] == [f"/{IMAGES}"]


@pytest.mark.parametrize("old", [None, "digits"])
def test_a_file_of_another_spelling_is_fetched_again_under_its_name(
    source: Path, tmp_path: Path, old: str | None
) -> None:
    if old:
        download(tmp_path / "data", old)
    else:
        shutil.copytree(source, tmp_path / "data")
    content = gzip.decompress((tmp_path / "data" / IMAGES).read_bytes())
    (tmp_path / "data" / IMAGES).unlink()
    (tmp_path / "data" / "train-images.idx3-ubyte").write_bytes(content[: None if old else 1_000])
    download(tmp_path / "data", "tiny", [source.as_uri()], replace=old is not None)
    assert len(load(tmp_path / "data").train_images) == 200


DRIPS = {
    "status line": (b"", b"HTTP/1.1 200 " + b"O" * 10_000),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X-Filler: " + b"x" * 10_000),
    "100 Continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000),
    "chunk sizes": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1;" + b"e" * 10_000),
}


@pytest.mark.parametrize("what", [*list(DRIPS)[:1], *slowly(list(DRIPS)[1:])])
def test_a_server_that_drips_is_left_for_the_next(what: str, fetch, serve, source: Path, monkeypatch) -> None:
    """A byte at a time, each before the time-out, for as long as anyone listens."""
    monkeypatch.setattr("MNIST.data.transfer.CONNECT", 1.0)
    at_once, drop_by_drop = DRIPS[what]

    def drip(request: Request, content: bytes) -> None:
        with contextlib.suppress(OSError):
            request.wfile.write(at_once)
            for byte in drop_by_drop:
                request.wfile.write(bytes([byte]))
                request.wfile.flush()
                if request.server.closing.wait(0.05):
                    return

    (problem,) = fetch(serve(source, drip), source.as_uri(), timeout=1)
    assert re.search(r"no answer for 1 seconds|slower than", problem)


@pytest.mark.parametrize("target", ["http://[", "http://host:port/", "//", "\\\\"])
def test_a_redirect_to_nowhere_is_one_line(target: str, fetch, serve, source: Path) -> None:
    def redirect(request: Request, content: bytes) -> None:
        request.send_response(302)
        request.send_header("Location", target)
        request.end_headers()

    problems = fetch(serve(source, redirect), serve(source))
    assert len(problems) >= 1
    assert all("\n" not in problem for problem in problems)


def test_a_reason_cannot_write_on_the_terminal(fetch, serve, source: Path) -> None:
    def colourful(request: Request, content: bytes) -> None:
        request.wfile.write(b"HTTP/1.1 404 \x1b[31mred\x07\r\n\r\n")

    problems = fetch(serve(source, colourful), serve(source))
    assert problems
    assert all(problem.isprintable() for problem in problems)


@pytest.mark.parametrize("replace", [False, True])
def test_a_users_own_data_are_never_replaced(replace: bool, source: Path, tmp_path: Path) -> None:
    own = idx.encode(np.zeros((3, 10, 10), np.uint8))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / FILE_NAMES[0]).write_bytes(own)
    with pytest.raises(DataError, match="has data of your own; take another folder for tiny"):
        download(tmp_path / "data", "tiny", [source.as_uri()], replace)
    assert (tmp_path / "data" / FILE_NAMES[0]).read_bytes() == own


@pytest.mark.parametrize("case", ["01_dotted", "01_converted"])
def test_beside_data_of_other_names_nothing_is_put(
    case: str, source: Path, tmp_path: Path, public_cases: Path
) -> None:
    shutil.copytree(public_cases / case, tmp_path / "data")
    before = sorted(path.name for path in (tmp_path / "data").iterdir())
    for replace in (False, True):
        with pytest.raises(DataError, match=r"has (other data|data of your own)"):
            download(tmp_path / "data", "tiny", [source.as_uri()], replace)
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == before
    assert len(load(tmp_path / "data").test_images) == 20  # they are read as they are


def test_another_published_dataset_is_only_replaced_when_asked(
    fetch, serve, source: Path, tmp_path: Path
) -> None:
    download(tmp_path / "data", "digits")
    with pytest.raises(DataError, match=f"{FILE_NAMES[0]}.gz: expected tiny data, found digits data"):
        fetch(serve(source))
    fetch(serve(source), replace=True)


@pytest.mark.parametrize(
    "descriptions",
    [{"classes.txt": b"one\ntwo\n"}, {"dataset.json": b"{}"}, about_files(About("mine"), "0" * 64)],
)
def test_what_describes_other_data_is_only_removed_when_asked(
    fetch, source: Path, tmp_path: Path, descriptions: dict[str, bytes]
) -> None:
    (tmp_path / "data").mkdir()
    for name, content in descriptions.items():
        (tmp_path / "data" / name).write_bytes(content)
    with pytest.raises(DataError, match="of other data; take another folder for tiny"):
        download(tmp_path / "data", "tiny", [source.as_uri()])
    assert {path.name for path in (tmp_path / "data").iterdir()} == set(descriptions)
    fetch(source.as_uri(), replace=True)
    assert len(load(tmp_path / "data").test_images) == 20


def test_what_describes_these_data_is_kept(source: Path, tmp_path: Path) -> None:
    shutil.copytree(source, tmp_path / "data")
    mine = About("mine", tuple("abcdefghij"))
    for name, content in about_files(mine, load(source).digest).items():
        (tmp_path / "data" / name).write_bytes(content)
    (tmp_path / "data" / IMAGES).unlink()
    download(tmp_path / "data", "tiny", [source.as_uri()], replace=True)
    assert load(tmp_path / "data").about == mine


def test_a_folder_is_a_mirror_and_its_files_may_be_plain(fetch, source: Path, tmp_path: Path) -> None:
    plain = tmp_path / "a folder"
    plain.mkdir()
    for name in FILE_NAMES:
        (plain / name).write_bytes(gzip.decompress((source / f"{name}.gz").read_bytes()))
    assert fetch(str(plain)) == []


def test_the_server_of_a_share_is_part_of_its_path(monkeypatch: pytest.MonkeyPatch) -> None:
    assert path_of("file://localhost/a%20folder/x") == path_of("file:///a%20folder/x") == Path("/a folder/x")
    monkeypatch.setattr("MNIST.data.transfer.url2pathname", nturl2path.url2pathname)  # as on Windows
    assert str(path_of("file://school/share/a%20folder/x")) == r"\\school\share\a folder\x"
    assert str(path_of("file:///C:/mnist/x")) == r"C:\mnist\x"


def test_what_a_killed_download_left_is_removed(fetch, serve, source: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / f".{IMAGES}.abc.tmp").write_bytes(b"half")
    fetch(serve(source))


def test_mirrors_of_the_environment_come_second(
    fetch, serve, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, named = serve(source, status(404)), serve(source)
    monkeypatch.setenv("MNIST_MIRROR", f" {named.url} ,file:///nowhere")
    assert len(fetch(given)) == 1
    assert len(named.requests) == 4


@pytest.mark.parametrize(
    "mirror", ["ftp://host/", "/some/folder", "http://", "https://u:word@host/?key=word", "http://[/"]
)
def test_other_urls_are_refused(tmp_path: Path, mirror: str) -> None:
    with pytest.raises(UsageError, match="expected a folder, or an http, https or file URL") as caught:
        download(tmp_path, "tiny", [mirror])
    assert "word" not in str(caught.value)


def test_an_unknown_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown dataset 'fasion'; did you mean 'fashion'"):
        download(tmp_path / "data", "fasion")
    assert not (tmp_path / "data").exists()


def test_proxies_are_used(fetch, serve, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = serve(source)
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    (problem,) = fetch("https://mnist.invalid/folder/", "http://mnist.invalid/folder/")
    assert problem.startswith("https://mnist.invalid/folder/")
    asked = [(method, path) for method, path, _ in proxy.requests]
    assert asked[:2] == [
        ("CONNECT", "mnist.invalid:443"),
        ("GET", f"http://mnist.invalid/folder/{IMAGES}"),
    ]


def test_a_redirect_from_https_to_http_is_refused(
    fetch, serve, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not shutil.which("openssl"):
        pytest.skip("needs the openssl command, to make a certificate")
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    make = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext"
    names = ["subjectAltName=IP:127.0.0.1", "-out", certificate, "-keyout", key]
    subprocess.run([*make.split(), *names], check=True, capture_output=True)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    plain = serve(source)

    def redirect(request: Request, content: bytes) -> None:
        request.send_response(302)
        request.send_header("Location", plain.url + IMAGES)
        request.end_headers()

    secure = serve(source, redirect)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    secure.socket = context.wrap_socket(secure.socket, server_side=True)
    with pytest.raises(DownloadError, match="a redirect from https to http is refused"):
        fetch(secure.url.replace("http:", "https:"))
    assert len(secure.requests) == 1
    assert plain.requests == []
    secure.answer = plain.answer
    assert fetch(secure.url.replace("http:", "https:")) == []
