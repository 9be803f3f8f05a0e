"""How large each part of a picture is, and where it lies. Lengths are in pixels; y grows downwards.

A map is a box in proportion: as high as it has rows, as deep as it has columns, and the broader the more
channels it has, on a soft scale. A row of numbers is a thin bar, the higher the more numbers there are.
Parts stand in lines from left to right, like words on a page.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from MNIST.architecture.parts import (
    MOST_DRAWN,
    Box,
    Branches,
    Group,
    Mark,
    More,
    Part,
    Skip,
    in_words,
    is_cut,
    largest_side,
    parts_of,
    soft,
)
from MNIST.architecture.svg import OWN, element, number, style, width_of, words
from MNIST.language import ModelSpec, count_flops, count_parameters, nodes_as_written
from MNIST.words import counted

PAGE = 980  # width of a line that is not one single part
MARGIN = 16
HEADING = 46
GAP = 20  # between two parts of a line, for an arrow
BETWEEN = 34  # between two lines
HIGHEST = 66  # the height of the highest map
RADIUS = 7  # of a line's corner
SLANT = 0.3  # of the height of a square map
LABEL = 12.5  # the height of a line of a label
LONGEST_TITLE = 60  # characters
BEGINNING = f'<svg xmlns="http://www.w3.org/2000/svg" class="{OWN}"'  # of every picture


@dataclass
class Sheet:
    """The elements of a picture: lines lie below boxes and words."""

    lines: list[str] = field(default_factory=list)
    shapes: list[str] = field(default_factory=list)

    def line(self, path: str, **attributes: object) -> None:
        """Draw a line along an SVG path."""
        self.lines.append(element("path", class_="line", d=path, **attributes))

    def level(self, begin: float, end: float, y: float, head: bool = True) -> None:
        """Draw a line from left to right, as an arrow if it has a head."""
        self.line(f"M{number(begin)} {number(y)}H{number(end)}{_head(end, y) if head else ''}")

    def text(self, x: float, y: float, text: str, kind: str = "", **attributes: object) -> None:
        """Write a text with its middle there."""
        named = {"class_": kind} if kind else {}
        self.shapes.append(element("text", words(text), x=x, y=y, **named, **attributes))


@dataclass(frozen=True)
class Place:
    """A part with its size. up, down: how far it reaches from the middle line, on which arrows run.

    enter, leave: where arrows end and begin, from its left edge. inside: the lines of parts in a block.
    box: how broad and how high a Box is, and how far it slants.
    """

    part: Part
    width: float
    up: float
    down: float
    enter: float
    leave: float
    inside: tuple["Row", ...] = ()
    box: tuple[float, float, float] = (0, 0, 0)

    @property
    def is_layer(self) -> bool:
        """Whether an arrow ends here; inside a block, arrows end at its layers."""
        return isinstance(self.part, Box | Mark)


@dataclass(frozen=True)
class Row:
    """Parts one after another, joined by arrows."""

    places: tuple[Place, ...]

    @property
    def width(self) -> float:
        gaps = GAP * max(0, len(self.places) - 1)
        return max(GAP, sum(place.width for place in self.places) + gaps)

    @property
    def up(self) -> float:
        return max((place.up for place in self.places), default=8)

    @property
    def down(self) -> float:
        return max((place.down for place in self.places), default=8)

    @property
    def begins_with_layer(self) -> bool:
        return bool(self.places) and self.places[0].is_layer


def architecture_svg(spec: ModelSpec, name: str) -> str:
    """The architecture of a network as an SVG file: its text, with a title and a description in words.

    name: what the picture is called. The same spec and name give the same text. At most MOST_DRAWN layers and
    blocks are drawn; the picture says so where it ends. Raises SpecError for layers that do not fit together.
    """
    nodes = nodes_as_written(spec)
    parts = parts_of(spec, nodes)
    scale = HIGHEST / max(32, largest_side(parts))
    rows = _lines([_placed(part, scale) for part in parts])
    title = name if len(name) <= LONGEST_TITLE else name[: LONGEST_TITLE - 1] + "…"
    layers = sum(1 for root in nodes for node in root.walk() if not node.children)
    about = (
        f"{counted(layers, 'layer')} · {counted(count_parameters(nodes), 'parameter')} · "
        f"{count_flops(nodes) / 1e6:,.2f} MFLOPs"
    )
    if is_cut(parts):
        about += f" · only the first {MOST_DRAWN} layers and blocks are drawn"
    sheet = Sheet()
    sheet.text(MARGIN, MARGIN + 12, title, "title begin")
    sheet.text(MARGIN, MARGIN + 29, about, "faint begin")
    height = _draw_lines(sheet, rows)
    heading = max(width_of(title, 17), width_of(about))
    width = 2 * MARGIN + max(heading, *(row.width for row in rows))
    content = [
        element("title", words(title)),
        element("desc", words(f"{about}. {in_words(parts)}.")),
        style(),
        *sheet.lines,
        *sheet.shapes,
    ]
    size = f'width="{number(width)}" height="{number(height)}"'
    view = f'viewBox="0 0 {number(width)} {number(height)}"'
    return "\n".join((f'{BEGINNING} role="img" {size} {view}>', *content, "</svg>\n"))


def _lines(places: Sequence[Place]) -> list[Row]:
    """The parts in as many lines as they need, about equally long."""
    whole = Row(tuple(places)).width
    page: float = max(PAGE, *(place.width for place in places))
    wanted = math.ceil(whole / page)
    while True:
        low, high = whole / wanted, page
        for _ in range(20):  # the shortest lines that need no more of them
            middle = (low + high) / 2
            if len(_broken(places, middle)) <= wanted:
                high = middle
            else:
                low = middle
        if len(rows := _broken(places, high)) <= wanted or wanted >= len(places):
            return rows
        wanted += 1


def _broken(places: Sequence[Place], page: float) -> list[Row]:
    rows: list[list[Place]] = [[]]
    for place in places:
        if rows[-1] and Row((*rows[-1], place)).width > page:
            rows.append([])
        rows[-1].append(place)
    return [Row(tuple(row)) for row in rows]


def _draw_lines(sheet: Sheet, rows: Sequence[Row]) -> float:
    """Draw lines below one another, and an arrow from each to the next; return the height of all."""
    top: float = MARGIN + HEADING
    for at, row in enumerate(rows):
        y = top + row.up
        _draw_row(sheet, row, MARGIN, y)
        bottom = y + row.down
        if at + 1 < len(rows):
            last, after = row.places[-1], rows[at + 1]
            head = "right" if after.begins_with_layer else ""
            begin = MARGIN + row.width - last.width + last.leave
            edge, turn = MARGIN + row.width + 8, bottom + BETWEEN / 2
            target = bottom + BETWEEN + after.up
            end = MARGIN + after.places[0].enter
            corners = [(edge, y), (edge, turn), (6, turn), (6, target)]
            sheet.line(_turning([(begin, y), *corners, (end, target)], head))
        top = bottom + BETWEEN
    return top - BETWEEN + MARGIN


def _draw_row(sheet: Sheet, row: Row, x: float, y: float) -> tuple[float, float]:
    """Draw parts one after another; return where the first is entered and the last is left."""
    if not row.places:
        sheet.line(f"M{number(x)} {number(y)}h{number(row.width)}")
        return x, x + row.width
    enter, leave = x + row.places[0].enter, None
    for place in row.places:
        if leave is not None:
            sheet.level(leave, x + place.enter, y, place.is_layer)
        _draw(sheet, place, x, y)
        leave = x + place.leave
        x += place.width + GAP
    assert leave is not None  # there is a place
    return enter, leave


def _placed(part: Part, scale: float) -> Place:
    """A part with its size. scale: pixels for a row of a map."""
    match part:
        case Box():
            return _placed_box(part, scale)
        case Mark():
            width = max(15, width_of(f"{part.parameters:,}") if part.parameters else 0)
            half = max(44, width_of(part.words) + 12) / 2
            left = (width - 15) / 2
            return Place(part, width, half, half + LABEL * bool(part.parameters), left, left + 15)
        case Skip():
            row = Row(tuple(_placed(each, scale) for each in part.parts))
            up = row.up + (26 if part.about else 14)
            width = max(row.width, width_of(part.about) - 20) + 58
            return Place(part, width, up, row.down + 2, 8, width - 8, (row,))
        case Branches():
            rows = tuple(Row(tuple(_placed(each, scale) for each in path)) for path in part.paths)
            high = sum(row.up + row.down for row in rows) + 14 * (len(rows) - 1)
            width = max(row.width for row in rows) + 52
            return Place(part, width, high / 2, high / 2, 0, width, rows)
        case Group():
            row = Row(tuple(_placed(each, scale) for each in part.parts))
            return Place(part, row.width + 40, row.up + 26, row.down + 10, 0, row.width + 40, (row,))
        case More():
            return Place(part, 20, 8, 8, 0, 20)


def _draw(sheet: Sheet, place: Place, x: float, y: float) -> None:
    """Draw a part with its left edge at x and its middle line at y."""
    match place.part:
        case Box():
            _draw_box(sheet, place.part, place, x, y)
        case Mark():
            _draw_mark(sheet, place.part, place, x, y)
        case Skip():
            _draw_skip(sheet, place.part, place, x, y)
        case Branches():
            _draw_branches(sheet, place, x, y)
        case Group():
            _draw_group(sheet, place.part, place, x, y)
        case More():
            sheet.text(x + 10, y + 3, "…")


def _placed_box(box: Box, scale: float) -> Place:
    broad, high, slant = _size(box, scale)
    labels = _labels(box)
    label = max(width_of(text, 12 if kind == "name" else 10) for kind, text in labels)
    width = max(broad + slant, label)
    left = (width - broad - slant) / 2
    down = high / 2 + 4 + LABEL * len(labels)
    up, leave = high / 2 + slant, left + broad + slant
    return Place(box, width, up, down, left, leave, box=(broad, high, slant))


def _size(box: Box, scale: float) -> tuple[float, float, float]:
    """How broad and how high a box is, and how far it slants; a bar for a row of numbers does not slant."""
    if len(box.shape) == 3:
        rows, columns, channels = box.shape
        return 3 + 3 * soft(channels), max(4, scale * rows), max(2, SLANT * scale * columns)
    return 7, 6 + 4.6 * soft(box.shape[0]), 0


def _labels(box: Box) -> list[tuple[str, str]]:
    """The lines of words below a box, each with its class."""
    labels = [("name", box.name), ("faint", box.about), ("", "×".join(map(str, box.shape)))]
    labels.append(("faint", f"{box.parameters:,}" if box.parameters else ""))
    return [(kind, text) for kind, text in labels if text]


def _draw_box(sheet: Sheet, box: Box, place: Place, x: float, y: float) -> None:
    broad, high, slant = place.box
    left, top = x + place.enter, y - high / 2
    right, bottom = left + broad, top + high
    shapes = []
    if slant:
        back = right + slant
        shapes = [
            _polygon((left, top), (left + slant, top - slant), (back, top - slant), (right, top)),
            _polygon((right, top), (back, top - slant), (back, bottom - slant), (right, bottom)),
        ]
    front = element("rect", class_="front", x=left, y=top, width=broad, height=high)
    tooltip = element("title", words(box.tooltip))
    sheet.shapes.append(element("g", tooltip + "".join(shapes) + front, class_=box.kind))
    for at, (kind, text) in enumerate(_labels(box), start=1):
        sheet.text(x + place.width / 2, bottom + LABEL * at, text, kind)


def _draw_mark(sheet: Sheet, mark: Mark, place: Place, x: float, y: float) -> None:
    middle, half = x + place.width / 2, place.up
    tooltip = element("title", words(mark.tooltip))
    pill = element("rect", class_="mark", x=middle - 7.5, y=y - half, width=15, height=2 * half, rx=7.5)
    sheet.shapes.append(element("g", tooltip + pill, class_=mark.kind))
    turn = f"rotate(-90 {number(middle)} {number(y)})"
    sheet.text(middle, y + 3.5, mark.words, transform=turn)
    if mark.parameters:
        sheet.text(middle, y + half + LABEL - 1, f"{mark.parameters:,}", "faint")


def _draw_skip(sheet: Sheet, skip: Skip, place: Place, x: float, y: float) -> None:
    (row,) = place.inside
    begin = x + 22 + (place.width - 58 - row.width) / 2
    enter, leave = _draw_row(sheet, row, begin, y)
    left, right, top = x + 8, x + place.width - 15, y - row.up - 10
    sheet.level(left, enter, y, row.begins_with_layer)
    sheet.level(leave, right - 7, y)
    sheet.line(_turning([(left, y), (left, top), (right, top), (right, y - 7)], "down"))
    cross = f"M{number(right - 4)} {number(y)}h8M{number(right)} {number(y - 4)}v8"
    sheet.lines.append(element("circle", class_="line", cx=right, cy=y, r=7))
    sheet.line(cross)
    if skip.about:
        sheet.text((left + right) / 2, top - 4, skip.about, "faint")


def _draw_branches(sheet: Sheet, place: Place, x: float, y: float) -> None:
    top, end = y - place.up, x + place.width
    for row in place.inside:
        middle = top + row.up
        begin = x + 26 + (place.width - 52 - row.width) / 2
        enter, leave = _draw_row(sheet, row, begin, middle)
        head = _head(enter, middle) if row.begins_with_layer else ""
        sheet.line(f"{_bend(x, y, x + 20, middle)}H{number(enter)}{head}")
        sheet.line(f"M{number(leave)} {number(middle)}H{number(end - 20)}{_bend(end - 20, middle, end, y)}")
        top = middle + row.down + 14


def _draw_group(sheet: Sheet, group: Group, place: Place, x: float, y: float) -> None:
    (row,) = place.inside
    enter, leave = _draw_row(sheet, row, x + 20, y)
    sheet.level(x, enter, y, row.begins_with_layer)
    sheet.level(leave, x + place.width, y, head=False)
    top, high = y - row.up - 22, row.up + row.down + 32
    sheet.lines.append(
        element("rect", class_="frame", x=x + 6, y=top, width=place.width - 12, height=high, rx=8)
    )
    sheet.text(x + 14, top + 14, f"× {group.times:,}", "name begin")


def _polygon(*points: tuple[float, float]) -> str:
    written = " ".join(f"{number(x)},{number(y)}" for x, y in points)
    return element("polygon", class_="side", points=written)


def _head(x: float, y: float) -> str:
    """The head of an arrow that points to the right."""
    return f"M{number(x - 4)} {number(y - 3)}L{number(x)} {number(y)}L{number(x - 4)} {number(y + 3)}"


def _bend(x: float, y: float, to_x: float, to_y: float) -> str:
    """A path from one height to another, level at both ends."""
    middle = number((x + to_x) / 2)
    return (
        f"M{number(x)} {number(y)}C{middle} {number(y)} {middle} {number(to_y)} {number(to_x)} {number(to_y)}"
    )


def _turning(points: Sequence[tuple[float, float]], head: str) -> str:
    """A path along level and upright lines with round corners. head: of an arrow: "right", "down" or ""."""
    (x, y), *_ = points
    path = f"M{number(x)} {number(y)}"
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        near, far = _towards(corner, before), _towards(corner, after)
        path += "L{} {}Q{} {} {} {}".format(*map(number, (*near, *corner, *far)))
    x, y = points[-1]
    path += f"L{number(x)} {number(y)}"
    if head == "down":
        return (
            path + f"M{number(x - 3)} {number(y - 4)}L{number(x)} {number(y)}L{number(x + 3)} {number(y - 4)}"
        )
    return path + (_head(x, y) if head else "")


def _towards(corner: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """The point that lies RADIUS away from a corner, or half of the way if that is less."""
    (x, y), (to_x, to_y) = corner, other
    length = abs(to_x - x) + abs(to_y - y)
    part = min(RADIUS, length / 2) / length if length else 0
    return x + (to_x - x) * part, y + (to_y - y) * part
