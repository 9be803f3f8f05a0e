"""Pictures of three kinds of shapes, drawn by the tests: circles, squares and stars, of any size."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SHAPES = "circle", "square", "star"


def drawn(shape: str, seed: int, side: int = 120) -> Image.Image:
    """A shape in black lines on white paper, somewhere, of some size, slightly turned."""
    random = np.random.default_rng([SHAPES.index(shape), seed])
    image = Image.new("L", (side, side), 255)
    pen = ImageDraw.Draw(image)
    radius = side * random.uniform(0.25, 0.4)
    x, y = side / 2 + random.uniform(-0.08, 0.08, 2) * side
    width = int(side * random.uniform(0.05, 0.09))
    if shape == "circle":
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), outline=0, width=width)
    else:
        corners, turns = (4, 1) if shape == "square" else (5, 2)
        angles = 2 * np.pi * turns * np.arange(corners + 2) / corners + random.uniform(-0.15, 0.15)
        points = [
            (x + radius * np.sin(a), y - radius * np.cos(a)) for a in angles + np.pi / 4 * (corners == 4)
        ]
        pen.line(points, fill=0, width=width, joint="curve")
    return image


def photographed_sheet(shape: str, seed: int, rows: int, columns: int) -> Image.Image:
    """A sheet with lines of one shape, unevenly lit and noisy, as a phone would take it."""
    cells = [[drawn(shape, 1_000 * seed + row * columns + n) for n in range(columns)] for row in range(rows)]
    paper = np.vstack([np.hstack(row) for row in cells]).astype(np.float32)
    height, width = paper.shape
    light = np.linspace(0.95, 0.6, width) * np.linspace(1, 0.8, height)[:, None]
    noise = np.random.default_rng(seed).normal(0, 3, paper.shape)
    return Image.fromarray(np.clip((40 + 0.8 * paper) * light + noise, 0, 255).astype(np.uint8))


def write_folder(folder: Path, each: int, start: int = 0, **options: int) -> Path:
    """A folder with a subfolder for each shape, and `each` pictures of it, by the seeds from `start` on."""
    for shape in SHAPES:
        (folder / shape).mkdir(parents=True)
        for seed in range(each):
            drawn(shape, start + seed, **options).save(folder / shape / f"{seed:03}.png")
    return folder
