"""The laboratory in windows of all sizes, in both themes, and as axe sees it."""

import json
import re

import pytest
from examples import slowly
from lab_in_use import MODEL, NEXT_FRAME, OTHER, PUT, WRONG, ask_test_set, button, figure, text_box, train

expect = pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install playwright").expect


PIXELS = "canvas => canvas.toDataURL()"


def _violations(page):
    """What axe-core finds against the page's use with a screen reader, without a mouse, or with weak eyes."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
    found = axe.Axe().run(page).response["violations"]
    return [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]


def test_on_a_phone_results_stay_in_sight_and_the_seed_is_told_from_the_text(lab):
    lab.set_viewport_size({"width": 360, "height": 740})
    brief = lab.locator("#brief")
    sizes = set()
    for seed in "0", "1", "0":
        lab.locator("#run").evaluate("details => { details.open = true; }")
        lab.locator("#seed").fill(seed)
        train(lab)
        expect(brief).to_have_text(re.compile(r"^validation \d+\.\d\d %$"))
        ask_test_set(lab)
        expect(brief).to_have_text(f"test {lab.locator('[data-test=test-accuracy]').inner_text()}")
        assert brief.bounding_box()["y"] < 740
        lab.evaluate(NEXT_FRAME)
        sizes.add(lab.locator("#gradients").inner_text())
    assert len(sizes) == 2  # what is seen last does not depend on the moment
    networks = lab.locator("#panel-networks")
    cells = networks.locator("td[data-head]")
    expect(cells).to_have_count(12)
    assert all((box := cell.bounding_box())["x"] + box["width"] <= 360 for cell in cells.all())
    both = "choice of test images explains. The seed alone did that", "could explain the difference"
    for other, verdicts in (("first_2", both), ("first_3", ("answer the very same images right",))):
        networks.get_by_label("Compare first", exact=True).check()
        networks.get_by_label(f"Compare {other}", exact=True).check()
        expect(networks).to_contain_text(re.compile("|".join(map(re.escape, verdicts))))
        networks.get_by_label(f"Compare {other}", exact=True).uncheck()


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_axe_finds_no_violation(lab, width, scheme):
    lab.emulate_media(color_scheme=scheme)
    lab.set_viewport_size({"width": width, "height": 740})
    text_box(lab).fill(WRONG)
    figure(lab, "problems").to_contain_text("Dens")
    assert _violations(lab) == []
    text_box(lab).fill(MODEL)
    train(lab)
    ask_test_set(lab)
    for tab in "Networks", "Draw", "Errors", "Confusion", "One image":
        lab.get_by_role("tab", name=tab).click()
        assert _violations(lab) == [], tab


@pytest.mark.parametrize("width", [360, *slowly([800, 1600])])
def test_nothing_is_cut_off_at_any_width(lab, width):
    lab.set_viewport_size({"width": width, "height": 740})
    assert lab.evaluate("document.documentElement.scrollWidth") <= width
    assert button(lab, "Train").bounding_box()["y"] < 740 - 30  # always within reach
    text_box(lab).fill(WRONG)
    lab.locator(".editor .said").first.wait_for()
    assert lab.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("width", "height"), [(1366, 625), (1000, 460)])
def test_the_buttons_stay_in_sight_in_a_low_window(lab, width, height):
    train(lab)  # makes the note on Test longer
    lab.locator("#run summary").click()
    lab.set_viewport_size({"width": width, "height": height})
    for text in MODEL, WRONG:
        text_box(lab).fill(text)
        for name in "Train", "Stop", "Test":
            expect(button(lab, name)).to_be_in_viewport(ratio=1)
    lab.locator("#help").focus()
    help_box, run_box = lab.locator("#help").bounding_box(), lab.locator(".run").bounding_box()
    assert help_box["y"] + help_box["height"] <= run_box["y"] + 1  # what has the focus is not covered


def test_heads_stand_above_their_columns_on_a_phone(lab):
    lab.set_viewport_size({"width": 360, "height": 740})
    row = lab.locator(".beside .row").first.locator("span")
    for head, place in (("Output", 0), ("Parameters", 1)):
        edges = lab.locator(".heads").get_by_text(head), row.nth(place)
        right, other = (box["x"] + box["width"] for box in (each.bounding_box() for each in edges))
        assert right == pytest.approx(other, abs=1)


def test_long_names_of_classes_leave_room_for_what_is_said_of_them(file, browser_page, tmp_path):
    names = [f"{'W' * 63}{digit}" for digit in range(10)]
    usual = json.dumps([str(digit) for digit in range(10)], separators=(",", ":"))
    content = file.read_text(encoding="utf-8").replace(usual, json.dumps(names))
    (tmp_path / "lab.html").write_text(content, encoding="utf-8")
    browser_page.set_viewport_size({"width": 360, "height": 740})
    browser_page.goto((tmp_path / "lab.html").as_uri())
    train(browser_page)
    ask_test_set(browser_page)
    for tab in "Networks", "Draw", "Errors", "Confusion", "One image":
        browser_page.get_by_role("tab", name=tab).click()
        if tab == "Draw":
            browser_page.locator("#pad").focus()
            for key in [" ", *["ArrowDown"] * 9, " "]:
                browser_page.keyboard.press(key)
            expect(browser_page.locator("#panel-draw .answer")).to_contain_text("W")
            button(browser_page, f"Keep it as {names[0]}").click()
        if tab in ("Draw", "One image"):
            track = browser_page.get_by_role("tabpanel").locator(".track").first
            expect(track).to_be_visible()
            assert track.bounding_box()["width"] > 40
        assert browser_page.evaluate("document.documentElement.scrollWidth") <= 360, tab


def test_both_themes_and_a_text_that_outlives_a_reload(lab):
    theme = lab.get_by_role("button", name="Dark colours")
    before = lab.evaluate("getComputedStyle(document.body).backgroundColor")
    expect(theme).to_have_attribute("aria-pressed", "false")
    theme.click()
    expect(theme).to_have_attribute("aria-pressed", "true")
    expect(lab.locator("body")).not_to_have_css("background-color", before)
    maps = lab.locator("#panel-look canvas").last
    train(lab)
    lab.get_by_role("tab", name="One image").click()
    maps.wait_for()
    dark = maps.evaluate(PIXELS)
    theme.click()
    lab.wait_for_function(
        f"dark => ({PIXELS})([...document.querySelectorAll('#panel-look canvas')].at(-1)) !== dark", arg=dark
    )
    for text in OTHER + "# mine\n", f"{OTHER}# {'long' * 30_000}\n":  # a long one is read later
        text_box(lab).evaluate(PUT, text)
        lab.reload()
        expect(text_box(lab)).to_have_value(text)
