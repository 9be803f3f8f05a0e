"""The report's page: its numbers are right, it fetches nothing, and each dot shows the right image."""

import io
import re
from html.parser import HTMLParser
from itertools import product

import numpy as np
import pytest
from PIL import Image

from MNIST.report.classes import MANY
from MNIST.report.percentages import probability_text
from MNIST.report.templates import _environment
from MNIST.report.testing.comparison import Evaluation
from MNIST.report.testing.embedding import choose_images, reduce_to_space
from MNIST.report.testing.page import report_page
from MNIST.report.testing.space_plot import APART, EYE, INVITATION, name_places
from MNIST.words import DIGITS

COUNT = 300
GENERATOR = np.random.default_rng(0)
IMAGES = GENERATOR.integers(0, 256, (COUNT, 28, 28), dtype=np.uint8)
LABELS = GENERATOR.integers(0, 10, COUNT).astype(np.uint8)


def evaluation(name, noise, classes):
    generator = np.random.default_rng(len(name))
    logits = np.eye(len(classes))[LABELS] * 4 + noise * generator.normal(size=(COUNT, len(classes)))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return Evaluation(name, "keras", 1234, 0.5, LABELS, probabilities, classes, np.arange(COUNT))


def page(*noises, names=None, classes=DIGITS, plotted=True):
    evaluations = [
        evaluation((names or "ABCDEFGHIJKLMN")[place], noise, classes) for place, noise in enumerate(noises)
    ]
    spaces = {}
    for one in evaluations:
        shown = choose_images(LABELS, one.probabilities, 100)
        spaces[one.name] = reduce_to_space(shown, one.probabilities[shown])
    return report_page("Results: <b>", IMAGES, evaluations, spaces if plotted else {}), evaluations, spaces


class Elements(HTMLParser):
    """Tags with their attributes, the cells of every table, and all text outside scripts."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.tables, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_data(self, data):
        if self.cdata_elem is None:
            self.text += data
            if self.lasttag in ("td", "th") and data.strip():
                self.tables[-1][-1][-1] += data


def test_the_tables_have_the_right_numbers():
    text, evaluations, _ = page(1, 3, 2)
    elements = Elements(text)
    overview, shared, *own = elements.tables
    wrong = np.array([one.answers != LABELS for one in evaluations]).sum(axis=0)
    assert [row[3] for row in overview[1:]] == [str(one.errors) for one in evaluations]
    assert shared[1] == ["images", *map(str, np.bincount(wrong, minlength=4))]
    for one, confusion, classes in zip(evaluations, own[::2], own[1::2], strict=True):
        counts = np.array([[int(cell or 0) for cell in row[1:]] for row in confusion[2:]])
        assert counts.sum() == COUNT
        assert counts.sum() - counts.trace() == one.errors
        for digit, row in enumerate(classes[1:]):
            right = counts[digit, digit]
            assert row[:3] == [str(digit), str((digit == LABELS).sum()), str((digit == one.answers).sum())]
            assert row[3:5] == [f"{right / counts[:, digit].sum():.2%}".replace("%", " %"),
                                f"{right / counts[digit].sum():.2%}".replace("%", " %")]  # fmt: skip
    assert "corrected by Holm for all 3 pairs" in elements.text
    assert len(re.findall(r"answers \d+ images? right that", elements.text)) == 3


def test_nothing_is_fetched_and_text_stays_text():
    elements = Elements(page(1, 3)[0])
    assert "Results: <b>" in elements.text
    assert not {"link", "iframe", "base", "object"} & {tag for tag, _ in elements.tags}
    assert "b" not in {tag for tag, _ in elements.tags[:8]}
    for _, attributes in elements.tags:
        assert attributes.get("src", "data:").startswith("data:")
        assert attributes.get("href", "#").startswith("#")
    policy = next(a["content"] for _, a in elements.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none';")
    assert "http" not in policy


def test_one_network_is_compared_with_none():
    text = Elements(page(2)[0]).text
    assert "more than chance" not in text
    assert "the same errors" not in text
    assert "surest errors" in text


def test_a_network_without_errors_has_a_page():
    text = Elements(page(0, 0)[0]).text
    assert text.count("It has answered every image right.") == 2
    assert "A and B answer the very same images right." in text


def test_of_many_pairs_there_is_a_summary():
    text = Elements(page(*[1, 1.5, 2, 4, 4.2, 6])[0]).text
    apart, of, alike = re.search(
        r"(\d+) of (\d+) pairs are distinguishable\. Not[^:]*: (.*)\.", text
    ).groups()
    assert int(of) == 15 == int(apart) + len(alike.split("; "))


def shown_digit(browser_page):
    """The image beside the plot as pixels, black on white as on a light page."""
    png = browser_page.locator("#shown .digit").screenshot()
    return np.asarray(Image.open(io.BytesIO(png)).convert("L"))


@pytest.fixture
def opened(browser_page, tmp_path):
    def open_page(text, width=1280):
        path = tmp_path / "report.html"
        path.write_text(text)
        browser_page.set_viewport_size({"width": width, "height": 900})
        browser_page.goto(path.as_uri())
        if 'id="space"' in text:
            browser_page.wait_for_function("document.getElementById('about').textContent")
            browser_page.wait_for_function("document.getElementById('space').on !== undefined")
        return browser_page

    return open_page


def test_pointing_at_a_dot_shows_its_image(opened):
    text, evaluations, spaces = page(2, 3)
    browser_page = opened(text)
    browser_page.add_style_tag(content="#shown { position: fixed !important; }")  # aligned to whole pixels
    for one in evaluations:
        browser_page.select_option("#network", one.name)
        assert browser_page.locator("#shown").inner_text() == INVITATION  # no image of the other network
        images = spaces[one.name].images
        for row in (0, 41, 99):
            event = f"{{points: [{{customdata: {row}}}]}}"
            browser_page.evaluate(f"document.getElementById('space').emit('plotly_hover', {event})")
            number = int(images[row])
            expected = np.kron(255 - IMAGES[number], np.ones((3, 3)))  # 84 pixels wide
            assert np.abs(shown_digit(browser_page) - expected).max() <= 2
            words = browser_page.locator("#shown").inner_text()
            label, answer = LABELS[number], one.answers[number]
            assert f"Image {number}: a {label}, " in words
            assert ("recognized" in words) == (label == answer)
            assert f"({probability_text(one.probabilities[number, answer])} sure)" in words


@pytest.mark.parametrize("spread", [0.0, 0.01, 0.3, 5.0])
def test_the_names_of_classes_do_not_cover_one_another(spread):
    draw = np.random.default_rng(0)
    labels = draw.permutation(np.arange(10).repeat(20))
    points = (spread * draw.normal(size=(10, 3)))[labels] + draw.normal(size=(200, 3))
    names = name_places(points, labels)
    medians = {label: np.median(points[labels == label], axis=0) for label in range(10)}
    for one in range(10):
        for other in range(one):
            assert angle(points, names[one], names[other]) >= 0.95 * np.arctan(APART / np.linalg.norm(EYE))
        alone = [angle(points, medians[one], medians[other]) for other in range(10) if other != one]
        if min(alone) > 3 * APART:  # nothing is near
            np.testing.assert_allclose(names[one], medians[one])


def angle(points, one, other):
    """The angle between two points, seen from EYE."""
    low, size = points.min(axis=0), np.ptp(points, axis=0)
    one, other = ((place - low) / size - 0.5 - EYE for place in (one, other))
    return np.arccos(np.clip(one @ other / np.linalg.norm(one) / np.linalg.norm(other), -1, 1))


@pytest.mark.slow
def test_every_dot_is_an_image_of_its_digit(opened):
    text, (one,), spaces = page(3)
    traces = opened(text).evaluate(
        "document.getElementById('space').data.filter(t => t.customdata.length)"
        ".map(t => [t.name, Array.from(t.customdata), Array.from(t.x)])"
    )
    rows = [row for _, rows, _ in traces for row in rows]
    assert sorted(rows) == list(range(100))
    images, wrong = spaces["A"].images, one.answers != LABELS
    for name, rows, x in traces:
        assert x == pytest.approx(spaces["A"].points[rows, 0], rel=1e-3, abs=1e-6)
        expected = wrong[images[rows]] if name == "wrong answer" else LABELS[images[rows]] == int(name)
        assert expected.all()


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("plotted", [False, True])
def test_twelve_networks_with_long_names_fit_the_window(width, plotted, opened):
    names = [f"{letter}{'_very' * 12}x" for letter in "ABCDEFGHIJKL"]
    browser_page = opened(page(*np.linspace(1, 6, 12), names=names, plotted=plotted)[0], width)
    assert browser_page.evaluate("document.documentElement.scrollWidth") <= width


def test_where_labels_are_no_digits_the_page_calls_them_by_their_names():
    assert "What it takes each digit for" in page(1.0)[0]
    html = page(1.0, classes=[f"<{label}>" for label in range(10)])[0]
    assert "What it takes each class for" in html
    assert '<th scope="col">&lt;0&gt;</th><th scope="col">&lt;1&gt;</th>' in html
    assert "<0>" not in html
    assert not re.search(r"\bdigits?\b", " ".join(Elements(html).text.split()))


def test_of_many_classes_the_page_lists_the_most_frequent_mistakes():
    classes = [f"class {label}" for label in range(MANY + 10)]
    tables = Elements(page(3.0, classes=classes)[0]).tables
    (mistakes,) = [rows for rows in tables if rows[0] == ["class", "its answer", "images"]]
    counts = [int(row[2]) for row in mistakes[1:]]
    assert counts == sorted(counts, reverse=True)
    assert 0 < len(counts) <= MANY
    assert max(len(rows[0]) for rows in tables) < MANY


def test_of_many_networks_the_table_is_sorted_and_a_link_opens_what_is_folded(opened):
    names = [f"net_{place}" for place in range(1, 13)]
    text, evaluations, _ = page(
        *[(7 * place) % 12 / 2 + 0.5 for place in range(12)], names=names, plotted=False
    )
    assert len(text) < 1_000_000
    browser_page = opened(text)
    rows = browser_page.locator("table.sortable tbody tr")

    def column(place):
        return [row.split("\t")[place].strip() for row in rows.all_inner_texts()]

    head = browser_page.get_by_role("columnheader", name="errors")
    head.get_by_role("button").press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    assert [int(one) for one in column(3)] == sorted(one.errors for one in evaluations)
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert [int(one) for one in column(3)] == sorted((one.errors for one in evaluations), reverse=True)
    browser_page.get_by_role("columnheader", name="network").get_by_role("button").click()
    assert column(0) == names  # net_2 before net_10
    assert head.get_attribute("aria-sort") is None
    details = browser_page.locator("details.network")
    assert [one.get_attribute("open") for one in details.all()] == [None] * 12
    for link in (rows.nth(10).get_by_role("link"), browser_page.locator("svg.ranking a").nth(3)):
        name = link.get_attribute("href").removeprefix("#of-")
        for _ in range(2):  # the second time, the address does not change
            link.click()
            section = browser_page.locator(f"details.network:has(#of-{name})[open]")
            section.get_by_text("Does it know when it does not know?").wait_for()
            section.locator("summary").click()
    best = min(evaluations, key=lambda one: (one.errors, one.loss)).name
    assert browser_page.locator("svg.ranking a").first.get_attribute("href") == f"#of-{best}"
    assert browser_page.locator("svg.ranking a").count() == 12


def test_numbers_are_sorted_as_numbers_beside_cells_that_are_none(opened):
    template = _environment().from_string(
        '{% from "report/table.html" import table, sorting %}'
        '{{ table(["mom"], rows, sortable=true) }}{{ sorting() }}'
    )
    page = opened(template.render(rows=[[cell] for cell in ("0.75", "any", "0.25", "0.5", "–")]))
    page.get_by_role("button").click()
    assert page.locator("tbody th").all_inner_texts() == ["0.25", "0.5", "0.75", "–", "any"]


@pytest.mark.slow
def test_axe_finds_nothing_against_a_page_of_many_networks(opened):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
    browser_page = opened(page(*np.linspace(0, 6, 12), plotted=False)[0], 1280)
    browser_page.locator("table a").nth(5).click()
    for width, scheme in product((1280, 390), ("light", "dark")):
        browser_page.set_viewport_size({"width": width, "height": 800})
        browser_page.emulate_media(color_scheme=scheme)
        found = axe.Axe().run(browser_page).response["violations"]
        assert [(each["id"], node["html"][:200]) for each in found for node in each["nodes"]] == []


def test_images_that_many_networks_get_wrong_are_counted_in_ranges():
    text, evaluations, _ = page(*np.linspace(1, 6, 14), plotted=False)
    (shared,) = [rows for rows in Elements(text).tables if rows[0][0] == "networks that get it wrong"]
    assert shared[0][1:] == ["0", "1", "2 to 3", "4 to 7", "8 to 13", "all 14"]
    wrong = np.array([one.answers != LABELS for one in evaluations]).sum(axis=0)
    edges = np.histogram(wrong, [0, 1, 2, 4, 8, 14, 15])[0]
    assert shared[1] == ["images", *map(str, edges)]
    assert "The 20 images that the most networks get wrong" in text
