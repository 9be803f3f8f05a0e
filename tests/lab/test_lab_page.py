"""The laboratory as someone uses it: a lesson, mistakes, the keyboard, narrow windows, hostile texts."""

import re

import pytest
from examples import slowly
from web_pages import watched_page

from MNIST.browser import bundle, variable
from MNIST.data import load
from MNIST.lab import LabModel, lab_page
from MNIST.language import SpecError, parse_spec
from MNIST.report.intervals import wilson_interval
from MNIST.report.testing import significance

expect = pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install playwright").expect

MODEL = "Layers:\nConv,4,3,3,relu\nMaxPool,2,2\nFlatten\nDense,10,softmax\nOptimizer:\n0.003,0\n2\n32\n"
OTHER = "Layers:\nFlatten\nDense,10,softmax\nOptimizer:\n0.01,0\n1\n50\n"
WRONG = "Layers:\nConv,8,3,3,rellu\nFlatten\nDens,10,softmax\nOptimizer:\n0.001,0\n1\n32\n"
# Chromium can take a minute to write over many selected lines; to set them takes a moment.
PUT = "(box, text) => { box.value = text; box.dispatchEvent(new Event('input', { bubbles: true })); }"
NEXT_FRAME = "() => new Promise(requestAnimationFrame)"  # all that waits to be drawn is drawn in it
PERCENT = re.compile(r"^\d+\.\d\d %$")


@pytest.fixture(scope="module")
def file(digits_folder, tmp_path_factory):
    """A laboratory with scikit-learn's digits."""
    path = tmp_path_factory.mktemp("lab") / "lab.html"
    content = lab_page(load(digits_folder), [LabModel("first", MODEL), LabModel("other", OTHER)])
    path.write_text(content, encoding="utf-8")
    return path


@pytest.fixture
def lab(file, browser_page):
    """That laboratory, open; after the test nothing has failed or used the network."""
    browser_page.goto(file.as_uri())
    return browser_page


def _expect(page, name):
    return expect(page.locator(f'[data-test="{name}"]'))


def _button(page, name):
    return page.get_by_role("button", name=name, exact=True)


def _text_box(page):
    return page.get_by_role("textbox", name="Model text")


def _train(page):
    _button(page, "Train").click()
    _expect(page, "state").to_have_text("finished")


def _test(page):
    _button(page, "Test").click()
    _expect(page, "test-accuracy").to_have_text(PERCENT)


def test_a_lesson_from_opening_to_comparing_two_networks(lab):
    expect(_text_box(lab)).to_have_value(MODEL)
    expect(lab.locator("header")).to_contain_text("digits · 1,500 + 297 images")
    _expect(lab, "state").to_have_text("ready")
    expect(_button(lab, "Test")).to_be_disabled()
    _train(lab)
    _expect(lab, "epoch").to_have_text("2")
    _expect(lab, "validation-accuracy").to_have_text(PERCENT)
    for name in ("seconds", "images-per-second"):
        _expect(lab, name).to_have_text(re.compile(r"^[\d,.]+$"))
    expect(lab.locator("#curves svg")).to_have_count(2)
    expect(lab.locator("#gradients")).to_contain_text("conv_1")
    expect(lab.locator("#kernel-pictures canvas")).to_be_visible()
    note = lab.locator("#about-test")
    expect(note).to_contain_text("Not used yet")
    _test(lab)
    expect(note).to_contain_text("Used once")

    _button(lab, "Write this line").click()  # the change that the page proposes
    expect(_text_box(lab)).to_have_value(MODEL.replace("Conv,4", "Conv,8"))
    expect(lab.locator("#curves")).to_contain_text("trained from an earlier text")
    _train(lab)
    _expect(lab, "test-accuracy").to_have_text("–")
    _test(lab)
    expect(lab.locator("#curves")).not_to_contain_text("earlier text")
    networks = lab.locator("#panel-networks")
    expect(networks).to_contain_text("Conv,8,3,3,relu instead of Conv,4,3,3,relu")
    networks.get_by_label("Compare first", exact=True).check()
    networks.get_by_label("Compare first_2").check()
    expect(networks).to_contain_text("first_2 has 13,610 parameters, 2.0 times those of first.")
    expect(networks).to_contain_text(re.compile(r"distinguishable \(p [=<] [\d.]+\)"))
    verdict = networks.locator(".verdict")
    expect(verdict).to_contain_text("choice of test images")
    expect(verdict).not_to_contain_text("The seed alone")
    gradients = lab.locator("#gradients")
    lab.evaluate(NEXT_FRAME)
    sizes = gradients.inner_text()
    networks.get_by_role("button", name="Show first", exact=True).click()
    expect(gradients).not_to_have_text(sizes, use_inner_text=True)  # each network shows what was seen of it

    for tab, shown in {
        "Errors": "test images",
        "Confusion": "A row for each true class",
        "One image": "MaxPool,2,2",
    }.items():
        lab.get_by_role("tab", name=tab).click()
        expect(lab.get_by_role("tabpanel")).to_contain_text(shown)
    lab.get_by_role("tab", name="Errors").click()
    lab.locator("#panel-errors button").first.click()
    expect(lab.get_by_role("tabpanel")).to_contain_text("It is")


def test_drawing_is_answered_and_kept_as_a_dataset(lab):
    _text_box(lab).fill(OTHER)
    _train(lab)
    lab.get_by_role("tab", name="Draw").click()
    expect(_button(lab, "Save these as a dataset")).to_be_disabled()
    lab.locator("#pad").focus()
    for key in [" ", *["ArrowDown"] * 18, " "]:
        lab.keyboard.press(key)
    expect(lab.locator("#panel-draw .answer")).to_contain_text("%")
    _button(lab, "Keep it as 1").click()
    expect(lab.locator("#panel-draw")).to_contain_text("1 drawing kept")
    with lab.expect_download() as download:
        _button(lab, "Save these as a dataset").click()
    assert download.value.suggested_filename == "drawn.npz"


def test_mistakes_are_those_of_check_and_stand_under_their_lines(lab):
    _text_box(lab).fill(WRONG)
    said = lab.locator(".editor .said")
    expect(said).to_have_text(
        ["unknown activation 'rellu'; did you mean 'relu'?", "unknown layer 'Dens'; did you mean 'Dense'?"]
    )
    with pytest.raises(SpecError) as raised:
        parse_spec(WRONG, "first.txt")
    found = "\n".join(lab.locator('[data-test="problems"] pre').all_text_contents())
    assert found == str(raised.value)
    for message, line in zip(said.all(), (2, 4), strict=True):
        below = message.bounding_box()["y"] - _text_box(lab).bounding_box()["y"]
        assert 26 * (line - 1) + 10 < below < 26 * line  # between the line and the next one
    expect(_button(lab, "Train")).to_be_disabled()
    _text_box(lab).fill(MODEL)
    _expect(lab, "problems").to_be_empty()
    expect(lab.locator(".beside .row").first.locator("span")).to_have_text(["26×26×4", "40", "0.05"])


COUNT_READINGS = """problems => {
    globalThis.readings = 0;
    problems.replaceChildren = (...items) => {
        readings++;
        Element.prototype.replaceChildren.apply(problems, items);
    };
}"""


def test_lines_that_are_moved_together_are_read_once(lab):
    _text_box(lab).fill(WRONG)
    _expect(lab, "problems").to_contain_text("Dens")
    lab.locator('[data-test="problems"]').evaluate(COUNT_READINGS)
    _text_box(lab).press("Control+A")
    _text_box(lab).press("Control+]")
    expect(_text_box(lab)).to_have_value(re.compile("^    Layers:\n    Conv"))
    lab.wait_for_function("readings > 0")
    assert lab.evaluate("readings") == 1
    _text_box(lab).fill(OTHER)
    _expect(lab, "problems").to_be_empty()
    assert lab.evaluate("readings") == 2


def test_all_of_it_by_keyboard(lab):
    box = _text_box(lab)
    box.focus()
    lab.keyboard.press("Control+A")
    lab.keyboard.type("Layers:\nfla")
    lab.keyboard.press("Enter")  # takes Flatten from the list
    lab.keyboard.type("\nDense,10,soft")
    options = lab.get_by_role("listbox")
    expect(options.locator("b")).to_have_text(["softplus", "softmax"])
    expect(options.locator("span")).to_have_text(["activation", "activation"])
    lab.keyboard.press("ArrowDown")
    lab.keyboard.press("Enter")
    expect(options).to_have_count(0)
    lab.keyboard.type("\nOpti")
    expect(options.get_by_role("option")).to_have_count(1)
    lab.keyboard.press("Escape")
    expect(options).to_have_count(0)
    lab.keyboard.type("mizer:\n0.01,0\n1\n50")
    expect(box).to_have_value(OTHER.rstrip("\n"))
    lab.keyboard.press("Control+]")
    expect(box).to_have_value(re.compile("\n    50$"))
    lab.keyboard.press("Control+[")
    lab.keyboard.press("Control+Enter")
    _expect(lab, "state").to_have_text("finished")
    lab.keyboard.press("Tab")  # leaves the text
    for _ in range(12):
        if lab.locator(":focus").get_attribute("id") == "test":
            break
        lab.keyboard.press("Tab")
    lab.keyboard.press("Enter")
    _expect(lab, "test-accuracy").to_have_text(PERCENT)
    lab.get_by_role("tab", name="Networks").focus()
    for panel in ("draw", "errors", "confusion", "look", "networks"):
        lab.keyboard.press("ArrowRight")
        expect(lab.locator(f"#panel-{panel}")).to_be_visible()


def test_a_text_that_is_not_read_yet_is_trained_by_keyboard(lab):
    long = OTHER + "\n" * 20_000  # so long that it is read only when the keys rest
    _text_box(lab).evaluate(PUT, long)
    _text_box(lab).press("Control+Enter")
    _expect(lab, "state").to_have_text("finished")


def test_stop_keeps_whole_epochs_and_go_on_trains_further(lab):
    _text_box(lab).fill(OTHER.replace("\n1\n", "\n10000\n"))
    _button(lab, "Train").click()
    _expect(lab, "validation-accuracy").to_have_text(PERCENT)
    expect(_button(lab, "Train")).to_be_disabled()
    _button(lab, "Stop").click()
    _expect(lab, "state").to_have_text("stopped")
    before = int(lab.locator('[data-test="epoch"]').inner_text())
    assert before >= 1
    _button(lab, "Go on").click()
    _expect(lab, "state").to_have_text("training")
    _expect(lab, "images-per-second").to_have_text(re.compile(r"\d"))
    _expect(lab, "epoch").not_to_have_text(f"{before}")
    _button(lab, "Stop").click()
    _expect(lab, "state").to_have_text("stopped")
    assert int(lab.locator('[data-test="epoch"]').inner_text()) >= before


MOST_DRAWN = """() => {
    globalThis.most = 0;
    let drawn = 0;
    const figure = document.querySelector("#curves figure");
    new MutationObserver(() => drawn++).observe(figure, { childList: true });
    const eachFrame = () => {
        most = Math.max(most, drawn);
        drawn = 0;
        requestAnimationFrame(eachFrame);
    };
    eachFrame();
}"""

# Pressed in the page itself: a test that is kept waiting would press it tens of thousands of epochs later.
STOP_AFTER = """(epochs) => {
    const shown = document.querySelector('[data-test="epoch"]');
    const eachFrame = () => {
        if (Number(shown.textContent) >= epochs) document.querySelector("#stop").click();
        else requestAnimationFrame(eachFrame);
    };
    eachFrame();
}"""


def test_epochs_that_follow_one_another_quickly_leave_the_page_alive(lab):
    """A frame draws the curves once, and once more if their width changed; a new epoch writes one row."""
    lab.locator("#run").evaluate("details => { details.open = true; }")
    lab.locator("#images").fill("20")
    _text_box(lab).fill(OTHER.replace("\n1\n", "\n100000\n"))
    lab.evaluate(MOST_DRAWN)
    _button(lab, "Train").click()
    lab.evaluate(STOP_AFTER, 100)
    epoch = lab.locator('[data-test="epoch"]')
    _expect(lab, "state").to_have_text("stopped")
    assert 1 <= lab.evaluate("most") <= 2

    table = lab.locator("#curves details")
    rows = table.locator("tbody tr")
    expect(rows).to_have_count(0)  # until someone opens it
    table.locator("summary").click()
    before = int(epoch.inner_text())
    assert before >= 100
    expect(rows).to_have_count(before)
    rows.first.evaluate("row => { row.id = 'written-once'; }")
    _button(lab, "Go on").click()
    lab.evaluate(STOP_AFTER, before + 10)
    _expect(lab, "state").to_have_text("stopped")
    assert int(epoch.inner_text()) >= before + 10
    expect(rows).to_have_count(int(epoch.inner_text()))
    expect(rows.first).to_have_id("written-once")
    _text_box(lab).fill(OTHER)
    _train(lab)
    expect(rows).to_have_count(1)  # those of the other network are gone


CURVES = """() => {
    const epoch = (_, at) => ({ epoch: at + 1, loss: 1 / (at + 1), accuracy: 0.5 });
    const history = Array.from({ length: 100000 }, epoch);
    createCurves(document.body).show({ history, early: [], epochs: history.length });
    const places = document.querySelector("path.of-training").getAttribute("d").match(/[ML][^ ]+/g);
    return places.map((place) => Number(place.slice(1)) / document.querySelector("figure").clientWidth);
}"""


def test_curves_of_many_epochs_have_no_more_points_than_a_screen_shows(modules):
    places = modules("lab/curves.js").evaluate(CURVES)
    assert 500 < len(places) <= 1_001
    assert places == sorted(places)
    assert places[0] < 0.1 < 0.9 < places[-1] < 1  # from the first epoch to the last


def _violations(page):
    """What axe-core finds against the page's use with a screen reader, without a mouse, or with weak eyes."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
    found = axe.Axe().run(page).response["violations"]
    return [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]


def test_a_zip_that_is_none_is_not_taken_for_a_text(lab):
    lab.locator("#file").set_input_files({"name": "n.zip", "mimeType": "application/zip", "buffer": b"words"})
    expected = "n.zip is no network that a laboratory saved"
    lab.locator("#message", has_text=expected).wait_for()
    assert _text_box(lab).input_value() == MODEL  # as it was before


def test_on_a_phone_results_stay_in_sight_and_the_seed_is_told_from_the_text(lab):
    lab.set_viewport_size({"width": 360, "height": 740})
    brief = lab.locator("#brief")
    sizes = set()
    for seed in "0", "1", "0":
        lab.locator("#run").evaluate("details => { details.open = true; }")
        lab.locator("#seed").fill(seed)
        _train(lab)
        expect(brief).to_have_text(re.compile(r"^validation \d+\.\d\d %$"))
        _test(lab)
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
    _text_box(lab).fill(WRONG)
    _expect(lab, "problems").to_contain_text("Dens")
    assert _violations(lab) == []
    _text_box(lab).fill(MODEL)
    _train(lab)
    _test(lab)
    for tab in "Networks", "Draw", "Errors", "Confusion", "One image":
        lab.get_by_role("tab", name=tab).click()
        assert _violations(lab) == [], tab


@pytest.mark.parametrize("width", [360, *slowly([800, 1600])])
def test_nothing_is_cut_off_at_any_width(lab, width):
    lab.set_viewport_size({"width": width, "height": 740})
    assert lab.evaluate("document.documentElement.scrollWidth") <= width
    assert _button(lab, "Train").bounding_box()["y"] < 740 - 30  # always within reach
    _text_box(lab).fill(WRONG)
    lab.locator(".editor .said").first.wait_for()
    assert lab.evaluate("document.documentElement.scrollWidth") <= width


def test_both_themes_and_a_text_that_outlives_a_reload(lab):
    theme = lab.get_by_role("button", name="Dark colours")
    before = lab.evaluate("getComputedStyle(document.body).backgroundColor")
    expect(theme).to_have_attribute("aria-pressed", "false")
    theme.click()
    expect(theme).to_have_attribute("aria-pressed", "true")
    expect(lab.locator("body")).not_to_have_css("background-color", before)
    for text in OTHER + "# mine\n", f"{OTHER}# {'long' * 30_000}\n":  # a long one is read later
        _text_box(lab).evaluate(PUT, text)
        lab.reload()
        expect(_text_box(lab)).to_have_value(text)


def test_no_typed_text_is_lost_to_another_one(lab):
    choose = lab.locator("#texts").select_option
    names = lab.locator("#texts option")
    _text_box(lab).fill(OTHER)
    _train(lab)
    _text_box(lab).fill(OTHER + "# first change\n")
    lab.get_by_role("button", name="Bring the lines of first to the editor").click()
    expect(_text_box(lab)).to_have_value(OTHER)
    expect(names).to_have_text(["Texts …", "first", "other", "first_2"])
    choose("first_2")
    expect(_text_box(lab)).to_have_value(OTHER + "# first change\n")
    _text_box(lab).fill(OTHER + "# second change\n")
    choose("other")
    choose("first_2")
    expect(_text_box(lab)).to_have_value(OTHER + "# second change\n")
    text = {"name": "other.txt", "mimeType": "text/plain", "buffer": b"# opened"}
    lab.locator("#file").set_input_files(text)
    expect(_text_box(lab)).to_have_value("# opened")
    choose("other_2")
    expect(_text_box(lab)).to_have_value(OTHER)
    lab.reload()
    choose("first_2")
    expect(_text_box(lab)).to_have_value(OTHER + "# second change\n")


def test_a_name_that_another_text_has_is_refused_where_it_is_seen(lab):
    lab.set_viewport_size({"width": 360, "height": 740})
    lab.locator("#name").fill("other")
    lab.locator("#name").press("Enter")
    expect(lab.locator("#name")).to_have_value("first")
    expect(lab.locator("#spoken")).to_have_text("another text is called other: take another name")
    expect(lab.locator("#message")).to_be_in_viewport()
    lab.locator("#texts").select_option("other")
    expect(_text_box(lab)).to_have_value(OTHER)


def test_another_laboratory_in_the_same_tab_has_its_own_texts(lab, digits_folder, tmp_path):
    _text_box(lab).fill(OTHER + "# mine\n")
    (tmp_path / "lab2.html").write_text(lab_page(load(digits_folder), [LabModel("lesson_2", MODEL)]))
    lab.goto((tmp_path / "lab2.html").as_uri())
    expect(_text_box(lab)).to_have_value(MODEL)
    expect(lab.locator("#name")).to_have_value("lesson_2")


@pytest.mark.parametrize("width", [360, 1280])
def test_what_is_typed_stays_beside_the_table(lab, width):
    lab.set_viewport_size({"width": width, "height": 740})
    _text_box(lab).fill(MODEL.rstrip())
    _text_box(lab).press("Control+End")
    lab.keyboard.type("  # " + "abcde " * 12)
    lab.wait_for_function(BESIDE)


BESIDE = """() => {
    const shown = [...document.querySelectorAll(".beside .row span")].find((span) => span.offsetWidth);
    const typed = [...document.querySelectorAll(".editor .code .comment")].at(-1);
    const [text, table] = [typed, shown].map((each) => each?.getBoundingClientRect());
    return text?.width > 300 && text.right <= table?.left + 1;
}"""


def test_a_list_of_words_is_scrolled_and_taken_from_by_touch_and_opened_by_any_keyboard(lab):
    _text_box(lab).fill("Layers:\n")
    _text_box(lab).press("Control+End")
    _text_box(lab).press("Control+ ")
    options = lab.get_by_role("listbox")
    options.get_by_role("option").first.dispatch_event("pointerdown")
    expect(_text_box(lab)).to_have_value("Layers:\n")
    options.get_by_role("option").first.click()
    expect(_text_box(lab)).not_to_have_value("Layers:\n")
    expect(_text_box(lab)).to_be_focused()
    _text_box(lab).fill("Layers:\n")
    _text_box(lab).press("Control+End")
    lab.context.new_cdp_session(lab).send(
        "Input.imeSetComposition", {"text": "Con", "selectionStart": 3, "selectionEnd": 3}
    )
    expect(options.locator("b").first).to_have_text("Conv")


def test_words_are_written_in_an_empty_first_line(lab):
    _text_box(lab).fill("\nLayers:\n")
    _text_box(lab).press("Control+Home")
    _text_box(lab).press("Control+ ")
    lab.keyboard.press("Enter")
    expect(_text_box(lab)).to_have_value(re.compile("^[A-Z][a-z]+:\nLayers:\n$"))


def test_the_focus_stays_where_a_table_is_written_anew(lab):
    _text_box(lab).fill(OTHER)
    _train(lab)
    _train(lab)
    show = lab.get_by_role("button", name="Show first", exact=True)
    show.focus()
    lab.keyboard.press("Enter")
    expect(show).to_have_attribute("aria-pressed", "true")
    expect(show).to_be_focused()


def test_a_second_training_begins_at_its_beginning(lab):
    _text_box(lab).fill(OTHER)
    _train(lab)
    lab.evaluate(WATCH_SHARE)
    _text_box(lab).fill(OTHER.replace("\n1\n", "\n10000\n"))
    _button(lab, "Train").click()
    _expect(lab, "state").to_have_text("training")
    assert lab.evaluate("globalThis.shares[0]") == "0"
    _button(lab, "Stop").click()
    _expect(lab, "state").to_have_text("stopped")


# What the progress bar says at each change, from now on.
WATCH_SHARE = """() => {
    globalThis.shares = [];
    const bar = document.querySelector("#progress");
    const watch = new MutationObserver(() => shares.push(bar.getAttribute("aria-valuenow")));
    watch.observe(bar, { attributes: true, attributeFilter: ["aria-valuenow"] });
}"""


def test_the_kernels_of_a_block_are_shown_after_the_training_too(lab):
    _text_box(lab).fill(OTHER.replace("Flatten", "Residual:\n    Conv,1,3,3,relu,padding=same\nFlatten"))
    _train(lab)
    lab.evaluate(NEXT_FRAME)
    expect(lab.locator("#kernel-pictures canvas")).to_be_visible()


def test_a_network_that_went_on_has_all_its_epochs_when_it_is_opened_again(lab, tmp_path):
    _text_box(lab).fill(OTHER)
    _train(lab)
    _button(lab, "Go on").click()
    _expect(lab, "epoch").to_have_text("2")
    _expect(lab, "state").to_have_text("finished")
    with lab.expect_download() as download:
        lab.get_by_role("button", name="Save first_2 as a file").click()
    download.value.save_as(tmp_path / "first_2.zip")
    lab.locator("#file").set_input_files(tmp_path / "first_2.zip")
    expect(lab.locator("#message")).to_contain_text("first_3 is opened")
    row = lab.get_by_role("row").filter(has_text="first_3")
    expect(row).to_contain_text("2 epochs")
    expect(row).not_to_contain_text("of")


def test_the_number_of_an_image_survives_a_drawing(lab):
    _text_box(lab).fill(OTHER)
    _train(lab)
    lab.get_by_role("tab", name="Draw").click()
    lab.locator("#pad").focus()
    for key in [" ", *["ArrowDown"] * 9, " "]:
        lab.keyboard.press(key)
    lab.get_by_role("tab", name="One image").click()
    lab.locator("#look-number").fill("7")
    lab.locator("#look-number").press("Enter")
    lab.locator("#look-from").select_option("drawn")
    expect(lab.locator("#panel-look")).to_contain_text("The answer")
    expect(lab.locator("#look-number")).to_have_value("7")


BOMBS = "".join(f"{'    ' * depth}Repeat,1000:\n" for depth in range(20)) + "    " * 20 + "Dropout,0.1\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("Conv,8,3,3,relu\n" * 60_000, "20,000 lines", marks=pytest.mark.slow),
        ("x" * 1_000_000, "line 1"),
        (MODEL + "#" * 1_000_000, "a model file has at most 1,000,000 bytes"),
        (MODEL + "# \0", "line 10 has a NUL character"),
        (f"Layers:\n{BOMBS}Dense,10,softmax\n", "10,000"),
        ("</textarea><script>document.title = 'taken'</script>", "line 1"),
    ],
    ids=["a megabyte of lines", "a megabyte in a line", "a comment", "NUL", "Repeat bombs", "markup"],
)
def test_hostile_texts_leave_the_page_alive(lab, text, said):
    _text_box(lab).evaluate(PUT, text)
    _expect(lab, "problems").to_contain_text(said)
    _text_box(lab).evaluate(PUT, MODEL)
    _expect(lab, "problems").to_be_empty()
    assert lab.title() == "Neural networks as text files"  # no text has changed it


def test_a_network_too_large_says_so_before_it_trains(lab):
    _text_box(lab).fill(MODEL.replace("Dense,10,", "Dense,100000,relu\nDense,9000,relu\nDense,10,"))
    _button(lab, "Train").click()
    _expect(lab, "state").to_have_text("failed")
    lab.locator("#message", has_text="GiB").wait_for()
    _text_box(lab).fill(OTHER)
    _train(lab)


def test_statistics_are_those_of_the_reports(chromium):
    place = "lab/statistics.js"
    counts = [(0, 0), (6, 5), (30, 9), (400, 350), (0, 12), (4, 0), (6, 1), (3, 1)]  # the last are ties
    with watched_page(chromium) as page:
        page.add_script_tag(content=f"{bundle(place)}Object.assign(globalThis, {variable(place)});")
        for successes, trials in ((0, 10), (277, 297), (9_876, 10_000), (5, 5)):
            found = page.evaluate("(counts) => wilsonInterval(...counts)", [successes, trials])
            assert found == pytest.approx(wilson_interval(successes, trials), abs=1e-12)
        alone = [significance.mcnemar(*pair) for pair in counts]
        assert page.evaluate("(pairs) => pairs.map((pair) => mcnemar(...pair))", counts) == pytest.approx(
            alone
        )
        assert page.evaluate("holm", alone) == pytest.approx(significance.holm(alone))
        for (first, second), p in zip(counts, alone, strict=True):
            pair = significance.Pair("a", "b", first, second, p)
            data = {"onlyFirst": first, "onlySecond": second, "p": p}
            assert page.evaluate("(pair) => pairText(pair, 'a', 'b')", data) == str(pair)
