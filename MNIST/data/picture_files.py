"""Reading a user's own picture: any usual format to a grey array, without trusting the file.

The header gives the size before a pixel is decoded, and the size is limited. Large pictures are reduced to
sides of less than 1,024 pixels, because a digit needs only 20; long strips keep about as many pixels in all.
"""

import errno
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from MNIST.data.photos import length
from MNIST.errors import DataError, is_of_system
from MNIST.files import read_whole

if TYPE_CHECKING:
    from PIL.Image import Image

HEIC = (b"heic", b"heix", b"hevc", b"mif1", b"msf1")  # brands in the header of such a file
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")
MOST_PIXELS = 50_000_000  # before they are decoded
MOST_BYTES = 300_000_000  # of a file: 50 megapixels of 16-bit colours, not compressed
TOO_LARGE = f"more than {MOST_PIXELS:,} pixels; make the picture smaller"
LITTLE = 0.4  # of a colour's contrast: with less in grey, that colour alone is read
LARGE = 512  # pixels: a picture of at least twice this `length` is reduced


def read_picture(path: Path, form: str = "digit") -> NDArray[np.uint8]:
    """Read a picture as uint8 (rows, columns), 0 black, 255 white.

    form: what it becomes, as in `About`. Of whole pictures, equal levels come out equal; of a digit, only how
    the ink differs from the paper counts.
    Of an animation, the first frame is read. The picture is turned as its EXIF says. Transparent pixels lie
    on white.
    Raises DataError, with the reason in words, if the file is missing, no picture, damaged or too large;
    OSError if it may be a good picture, and the system cannot read it.
    """
    with _decoding(path):
        return _read(path, form)


@contextmanager
def _decoding(path: Path) -> Iterator[None]:
    """Raise DataError for what decoders raise; they fail in ways that nobody has listed."""
    _refuse_what_is_no_file(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of bombs, refused below, and of odd metadata
            yield
    except DataError:
        raise
    except MemoryError:
        lack = "there is not enough memory to read this picture; make it smaller, or end other programs"
        raise OSError(errno.ENOMEM, lack, str(path)) from None
    except Exception as error:
        if isinstance(error, OSError) and is_of_system(error):
            raise OSError(error.errno, error.strerror, str(path)) from None
        if is_of_system(error):
            raise
        unknown = type(error).__name__ == "UnidentifiedImageError"
        raise DataError(_unknown(path) if unknown else "a damaged picture") from None


def _unknown(path: Path) -> str:
    """What a file is that is in none of the formats that are read."""
    begin = read_whole(path, 12)
    if begin[4:8] == b"ftyp" and begin[8:12] in HEIC:
        return "a HEIC picture, as phones take them, whatever its name says: save it as JPEG or PNG"
    return f"no picture ({', '.join(FORMATS)})"


def pages(path: Path) -> int:
    """How many pages or frames a picture has; 1 if it cannot be read, or a later one is damaged."""
    from PIL import Image

    with suppress(DataError), _decoding(path), Image.open(path, formats=FORMATS) as image:
        return 1 if image.format == "MPO" else int(getattr(image, "n_frames", 1))  # a phone's JPEG
    return 1


def size_of(path: Path) -> tuple[int, int] | None:
    """The width and the height of a picture in pixels, as its header says; None if that cannot be read."""
    from PIL import Image

    with suppress(DataError), _decoding(path), Image.open(path, formats=FORMATS) as image:
        return image.size
    return None


def _refuse_what_is_no_file(path: Path) -> None:
    try:
        if path.is_dir():
            raise DataError("a folder; expected a picture")
        if not path.exists():
            raise DataError("there is no such file")
        if not path.is_file():  # a device or a pipe has no end
            raise DataError("not a file")
        if path.stat().st_size > MOST_BYTES:
            raise DataError(f"a file of more than {MOST_BYTES:,} bytes; make the picture smaller")
        if not os.access(path, os.R_OK):
            raise DataError("you may not read it")
    except (OSError, ValueError) as error:  # ValueError: NUL in its name
        raise DataError(str(getattr(error, "strerror", None) or error)) from None


def _read(path: Path, form: str) -> NDArray[np.uint8]:
    from PIL import Image, ImageOps

    try:
        image: Image.Image = Image.open(path, formats=FORMATS)
    except Image.DecompressionBombError:
        raise DataError(TOO_LARGE) from None
    with image:
        if image.width * image.height > MOST_PIXELS:
            raise DataError(f"{image.width:,} × {image.height:,} pixels: {TOO_LARGE}")
        image.draft(None, (LARGE, LARGE))  # a large JPEG is decoded at 1/2, 1/4 or 1/8 of its size
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
        return _grey(image, form)


def _grey(image: "Image", form: str) -> NDArray[np.uint8]:
    """The picture in grey levels. A large one is reduced by taking means over squares of pixels."""
    from PIL import Image

    if image.mode.startswith(("I", "F")):
        return _eight_bits(np.asarray(image.convert("F").reduce(_reduction(image))), image.mode, form)
    if image.has_transparency_data:
        image = image.convert("RGBA")
    elif image.mode in ("1", "P"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    image = image.reduce(_reduction(image))
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    grey = np.asarray(image.convert("L"))
    if image.mode == "L":
        return grey
    channels = np.asarray(image.convert("RGB"))
    best = max((channels[..., channel] for channel in range(3)), key=_contrast)
    # Two colours may have the same grey, as red ink on green paper.
    return best if _contrast(grey) < LITTLE * _contrast(best) else grey


def _contrast(grey: NDArray[np.uint8]) -> float:
    """The levels between the darkest and the brightest pixels, but for one in a hundred of each."""
    low, high = np.percentile(grey, (1, 99))
    return float(high - low)


def _reduction(image: "Image") -> int:
    return max(1, length(image.size) // LARGE)


def _eight_bits(values: NDArray[np.generic], mode: str, form: str) -> NDArray[np.uint8]:
    """Grey levels of more than 8 bits as uint8. mode: of Pillow. form: as in `read_picture`.

    In whole pictures, white is 65535, or 1 in fractions. For a digit, other levels may be white: scanners and
    cameras may use only the lower 10 or 12 of 16 bits, and other numbers go from any level to any other.
    """
    levels = values.astype(np.float64)
    if not np.isfinite(levels).all():
        raise ValueError("a level is not a finite number")
    low, high = levels.min(), levels.max()
    if form == "whole":
        black, white = 0.0, 1.0 if mode == "F" else 65535.0
        if low < black or high > white:
            found = f"found {low:g} to {high:g}; save it with 8 bits"
            raise DataError(f"expected levels from 0 to {white:g} in a whole picture, {found}")
    elif mode.startswith("I;16"):
        black, white = 0.0, next(white for white in (1023.0, 4095.0, 65535.0) if high <= white)
    else:
        black, white = low, high
    return np.rint((levels - black) * (255 / max(white - black, 1e-300))).astype(np.uint8)
