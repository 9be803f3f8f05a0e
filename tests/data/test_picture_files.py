"""Good pictures are read as they were saved; bad ones are refused in one line and with little memory."""

import errno
import io
import os
import struct
import subprocess
import sys
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from MNIST.data import read_picture
from MNIST.data.picture_files import LARGE, pages, size_of
from MNIST.errors import DataError

ROOT = Path(__file__).parents[2]
GREY = np.random.default_rng(0).integers(0, 256, (20, 30)).astype(np.uint8)
MEMORY = 700 * 2**20  # bytes of address space, of which Python with NumPy takes half


def _saved(folder: Path, image: Image.Image, name: str, **options) -> Path:
    image.save(folder / name, **options)
    return folder / name


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.gif", "b.jpg", "b.webp"])
def test_each_format_is_read(name, tmp_path):
    exact = name.startswith("a")
    smooth = np.add.outer(np.arange(40), 3 * np.arange(40)).astype(np.uint8)
    picture = GREY if exact else smooth
    seen = read_picture(_saved(tmp_path, Image.fromarray(picture), name))
    assert seen.dtype == np.uint8
    assert np.abs(seen.astype(int) - picture).max() <= (0 if exact else 12)


def test_colours_palettes_and_bits_become_grey(tmp_path):
    coloured = Image.fromarray(np.random.default_rng(1).integers(0, 256, (20, 30, 3)).astype(np.uint8))
    for image in (coloured, coloured.quantize(16), coloured.convert("1")):
        seen = read_picture(_saved(tmp_path, image, "a.png"))
        assert (seen == np.asarray(image.convert("RGB").convert("L"))).all()


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.gif", "palette.png"])
def test_ink_that_only_its_colour_tells_from_the_paper_is_seen(name, tmp_path):
    """Red on green, of one grey."""
    pixels = np.full((60, 60, 3), (0, 130, 0), np.uint8)
    pixels[20:40, 25:35] = 255, 0, 0
    picture = Image.fromarray(pixels)
    seen = read_picture(_saved(tmp_path, picture.quantize(4) if "palette" in name else picture, name))
    assert np.ptp(seen) > 100


def test_a_phones_picture_of_several_parts_is_one_page(tmp_path):
    picture = Image.fromarray(GREY)
    picture.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[picture])
    assert pages(tmp_path / "a.jpg") == 1


def test_sixteen_bits_become_eight(tmp_path):
    deep = GREY.astype(np.uint16) * 257
    assert (read_picture(_saved(tmp_path, Image.fromarray(deep), "a.png")) == GREY).all()
    assert (read_picture(_saved(tmp_path, Image.fromarray(deep), "a.tif")) == GREY).all()


def test_what_is_transparent_lies_on_white(tmp_path):
    ink = np.zeros((20, 30, 4), np.uint8)  # black, but fully transparent
    ink[5:9, 5:9, 3] = 255
    for image in (Image.fromarray(ink), Image.fromarray(ink).convert("LA")):
        seen = read_picture(_saved(tmp_path, image, "a.png"))
        assert (seen == 255 - ink[..., 3]).all()


def test_a_photo_is_turned_as_its_camera_says(tmp_path):
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        path = _saved(tmp_path, Image.fromarray(GREY), "a.png", exif=exif)
        assert read_picture(path).shape == (GREY.shape if orientation < 5 else GREY.T.shape)
    turned = Image.Exif()
    turned[0x0112] = 6  # the camera was held upright: the first row is shown as the right column
    path = _saved(tmp_path, Image.fromarray(GREY), "a.png", exif=turned)
    assert (read_picture(path) == np.rot90(GREY, -1)).all()


def test_of_an_animation_the_first_frame_is_read(tmp_path):
    frames = [Image.fromarray(each) for each in (GREY, 255 - GREY)]
    path = _saved(tmp_path, frames[0], "a.gif", save_all=True, append_images=frames[1:])
    assert (read_picture(path) == GREY).all()


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_a_large_picture_comes_out_smaller(name, tmp_path):
    wide = np.kron(GREY, np.full((150, 150), 1, np.uint8))
    seen = read_picture(_saved(tmp_path, Image.fromarray(wide), name))
    assert LARGE <= max(seen.shape) < 2 * LARGE
    expected = np.asarray(Image.fromarray(wide).resize(seen.shape[::-1], Image.Resampling.BOX))
    assert np.abs(seen.astype(int) - expected).mean() < 4


def _png(width: int, height: int, data: bytes) -> bytes:
    """A PNG file with one bit for each pixel, whose header claims this size."""
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)),
        (b"IDAT", data),
        (b"IEND", b""),
    ]
    chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _bomb(side: int) -> bytes:
    return _png(side, side, zlib.compress(bytes(side * (side // 8 + 1)), 9))


def _bmp(width: int, height: int) -> bytes:
    return b"BM" + struct.pack("<IHHIIIIHHIIIIII", 70, 0, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)


def _gif(width: int, height: int) -> bytes:
    return (
        b"GIF89a"
        + struct.pack("<HH", width, height)
        + b"\x00\x00\x00,\0\0\0\0"
        + struct.pack("<HH", width, height)
        + b"\0\x02\x00;"
    )


def _webp(width: int, height: int) -> bytes:
    """A lossless WebP file whose header claims this size."""
    bits = 0x2F | (width - 1) << 8 | (height - 1) << 22
    chunk = b"VP8L" + struct.pack("<I", 5 + 100) + struct.pack("<Q", bits)[:5] + bytes(101)
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


def _picture(kind: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(GREY).save(stream, kind)
    return stream.getvalue()


HOSTILE = {
    "a size of 50,000 × 50,000": (_png(50_000, 50_000, b""), "more than 50,000,000 pixels"),
    "a size of 4 billion squared": (_png(2**31 - 1, 2**31 - 1, b""), "no picture|pixels"),
    "a bomb of 12,000 × 12,000": (_bomb(12_000), "12,000 × 12,000 pixels"),
    "a BMP of 50,000 × 50,000": (_bmp(50_000, 50_000), "pixels"),
    "a GIF of 50,000 × 50,000": (_gif(50_000, 50_000), "pixels"),
    "a WebP of 16,000 × 16,000": (_webp(16_000, 16_000), "pixels|damaged"),
    "text": (b"I am a digit", "no picture"),
    "nothing": (b"", "no picture"),
    "HTML": (b"<html><script>alert(1)</script>", "no picture"),
    "PostScript, which would be run": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no picture"),
    "a PNG without pixels": (_png(28, 28, b""), "damaged"),
    **{
        f"half a {kind}": (_picture(kind)[:-200], "damaged|no picture")
        for kind in ("PNG", "JPEG", "TIFF", "BMP")
    },
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_file_is_refused_in_one_line(case, tmp_path):
    content, reason = HOSTILE[case]
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(DataError, match=reason) as refusal:
        read_picture(tmp_path / "a.png")
    assert "\n" not in str(refusal.value)


@pytest.mark.skipif(sys.platform != "linux", reason="limits its memory as Linux does")
def test_hostile_files_are_refused_in_bounded_memory(tmp_path):
    import resource

    files = []
    for number, (content, _) in enumerate(HOSTILE.values()):
        files.append(tmp_path / f"{number}.png")
        files[-1].write_bytes(content)
    program = (
        "import sys\nfrom pathlib import Path\n"
        "from MNIST.data import read_picture\nfrom MNIST.errors import DataError\n"
        "for file in sys.argv[1:]:\n"
        "    try:\n        read_picture(Path(file))\n"
        "    except DataError as error:\n        print(error)\n"
        "status = Path('/proc/self/status').read_text()\n"
        "print(status.split('VmHWM:')[1].split()[0])"  # its peak; getrusage would count its parent's too
    )
    result = subprocess.run(
        [sys.executable, "-c", program, *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        timeout=300,
    )
    assert result.stderr == ""
    *refusals, kilobytes = result.stdout.splitlines()
    assert len(refusals) == len(files)
    assert int(kilobytes) < 100_000  # 43 MB, most of it Python's and NumPy's


def test_what_is_no_file_is_named(tmp_path):
    (tmp_path / "folder").mkdir()
    for path, reason in (
        (tmp_path / "none.png", "there is no such file"),
        (tmp_path / "folder", "a folder"),
        (Path("a\0b.png"), "."),
        (Path("a" * 5000), "."),
    ):
        with pytest.raises(DataError, match=reason) as refusal:
            read_picture(path)
        assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("read", [read_picture, pages, size_of])
@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "not enough memory to read this picture; make it smaller"),
        (OSError(errno.EMFILE, "Too many open files"), "Too many open files"),
        (OSError(errno.EIO, "Input/output error"), "Input/output error"),
    ],
)
def test_what_the_system_lacks_is_no_damage(read, error, words, tmp_path, monkeypatch):
    good = _saved(tmp_path, Image.fromarray(GREY), "a.png")
    monkeypatch.setattr(Image, "open", lambda *_, **__: _raise(error))
    with pytest.raises(OSError, match=words) as refusal:
        read(good)
    assert refusal.value.filename == str(good)


def test_a_library_that_is_missing_is_no_damage(tmp_path, monkeypatch):
    good = _saved(tmp_path, Image.fromarray(GREY), "a.png")
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ModuleNotFoundError):
        read_picture(good)


@pytest.mark.parametrize("error", [OSError("truncated"), OSError(errno.EINVAL, "Invalid argument")])
def test_what_a_decoder_raises_is_damage(error, tmp_path, monkeypatch):
    damaged = _saved(tmp_path, Image.fromarray(GREY), "a.png")
    monkeypatch.setattr(Image, "open", lambda *_, **__: _raise(error))
    with pytest.raises(DataError, match=r"^a damaged picture$"):
        read_picture(damaged)
    assert (pages(damaged), size_of(damaged)) == (1, None)


def _raise(error: Exception) -> None:
    raise error


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
def test_a_pipe_and_a_device_are_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(DataError, match="not a file"):
            read_picture(path)
        assert pages(path) == 1


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
def test_any_bytes_give_a_picture_or_the_one_error(kind, tmp_path, capfd):
    random, good, path = np.random.default_rng(2), _picture(kind), tmp_path / "a"
    for _ in range(60):
        content = bytearray(good)
        for place in random.integers(0, len(content), random.integers(1, 9)):
            content[place] = random.integers(256)
        path.write_bytes(bytes(content))
        with suppress(DataError):
            assert read_picture(path).dtype == np.uint8
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_of_sixteen_bits_only_the_lower_ones_may_be_used(bits, tmp_path):
    deep = (GREY.astype(np.float64) * (2**bits - 1) / 255).round().astype(np.uint16)
    deep[0, 0] = 2**bits - 1  # some paper is white
    Image.fromarray(deep).save(tmp_path / "deep.png")
    found = read_picture(tmp_path / "deep.png").astype(int)
    assert np.abs(found - GREY)[1:].max() <= 1


@pytest.mark.parametrize(
    ("kind", "white", "name"),
    [
        (np.uint16, 65535, "a.png"),
        (np.uint16, 65535, "a.tif"),
        (np.int32, 65535, "a.tif"),
        (np.float32, 1, "a.tif"),
    ],
)
def test_equal_levels_of_whole_pictures_come_out_equal(kind, white, name, tmp_path):
    """Whatever the darkest and the brightest pixel of each are."""
    for brightest in (3, 4, 16, 255):
        levels = np.clip(GREY, 2, brightest)
        picture = (levels * (white / 255)).astype(kind)
        seen = read_picture(_saved(tmp_path, Image.fromarray(picture), name), "whole")
        assert (seen == levels).all()


@pytest.mark.parametrize(("kind", "level"), [(np.int32, 65536), (np.int32, -1), (np.float32, 1.5)])
def test_a_whole_picture_whose_white_is_not_known_is_refused(kind, level, tmp_path):
    picture = np.full((20, 30), level, kind)
    with pytest.raises(DataError, match="in a whole picture, found"):
        read_picture(_saved(tmp_path, Image.fromarray(picture), "a.tif"), "whole")


def test_a_thin_stroke_of_a_large_picture_of_sixteen_bits_stays(tmp_path):
    """Each square of pixels becomes its mean, in 16 bits as in 8."""
    sheet = np.full((4000, 4000), 255, np.uint8)
    sheet[:, 2001:2004] = 0
    for name, pixels in (("8", sheet), ("16", sheet.astype(np.uint16) * 257)):
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    eight, sixteen = (read_picture(tmp_path / f"{name}.png").astype(int) for name in ("8", "16"))
    assert eight.min() < 200
    assert np.abs(eight - sixteen).max() <= 1


def test_public_cases_of_sixteen_bits(public_cases):
    eight, sixteen = (read_picture(public_cases / f"11_one_{bits}bit.png").astype(int) for bits in (8, 16))
    assert np.abs(eight - sixteen).max() <= 1
