"""Pictures of the 26 letters, set in a plain type by the tests: of any size, turned and slanted a little."""

from pathlib import Path
from string import ascii_uppercase

import numpy as np
from PIL import Image, ImageDraw, ImageFont

LETTERS = tuple(ascii_uppercase)


def drawn(letter: str, seed: int, side: int = 64) -> Image.Image:
    """A letter in black on white paper."""
    random = np.random.default_rng([LETTERS.index(letter), seed])
    image = Image.new("L", (side, side), 255)
    font = ImageFont.load_default(side * random.uniform(0.6, 0.8))
    ImageDraw.Draw(image).text((side / 2, side / 2), letter, fill=0, font=font, anchor="mm", stroke_width=1)
    slant = random.uniform(-0.2, 0.2)
    slanted = image.transform(
        image.size,
        Image.Transform.AFFINE,
        (1, slant, -slant * side / 2, 0, 1, 0),
        Image.Resampling.BILINEAR,
        fillcolor=255,
    )
    return slanted.rotate(random.uniform(-8, 8), Image.Resampling.BILINEAR, fillcolor=255)


def write_folder(folder: Path, each: int) -> Path:
    """A folder with a subfolder for each letter, and `each` pictures in it."""
    for letter in LETTERS:
        (folder / letter).mkdir(parents=True)
        for seed in range(each):
            drawn(letter, seed).save(folder / letter / f"{seed:03}.png")
    return folder


def word(text: str, seed: int = 1_000) -> Image.Image:
    """A word on one sheet, a letter beside the other."""
    return Image.fromarray(np.hstack([np.asarray(drawn(letter, seed + n)) for n, letter in enumerate(text)]))
