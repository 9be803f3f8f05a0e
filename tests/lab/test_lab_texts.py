"""The text in a laboratory as someone writes it: mistakes, the keyboard, words, names, hostile texts."""

import re

import pytest
from lab_in_use import MODEL, OTHER, PERCENT, PUT, WRONG, button, figure, text_box, train

from MNIST.data import load
from MNIST.lab import LabModel, lab_page
from MNIST.language import SpecError, parse_spec

expect = pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install playwright").expect


def test_mistakes_are_those_of_check_and_stand_under_their_lines(lab):
    text_box(lab).fill(WRONG)
    said = lab.locator(".editor .said")
    expect(said).to_have_text(
        ["unknown activation 'rellu'; did you mean 'relu'?", "unknown layer 'Dens'; did you mean 'Dense'?"]
    )
    with pytest.raises(SpecError) as raised:
        parse_spec(WRONG, "first.txt")
    found = "\n".join(lab.locator('[data-test="problems"] pre').all_text_contents())
    assert found == str(raised.value)
    for message, line in zip(said.all(), (2, 4), strict=True):
        below = message.bounding_box()["y"] - text_box(lab).bounding_box()["y"]
        assert 26 * (line - 1) + 10 < below < 26 * line  # between the line and the next one
    expect(button(lab, "Train")).to_be_disabled()
    text_box(lab).fill(MODEL)
    figure(lab, "problems").to_be_empty()
    expect(lab.locator(".beside .row").first.locator("span")).to_have_text(["26×26×4", "40", "0.05"])
    text_box(lab).fill(OTHER.replace("Flatten", "Repeat,3:\n    Conv,1,1,1,relu\nFlatten"))
    expect(lab.locator(".beside .row").first.locator("span")).to_have_text(["3 × 28×28×1", "6", "<0.01"])


COUNT_READINGS = """problems => {
    globalThis.readings = 0;
    problems.replaceChildren = (...items) => {
        readings++;
        Element.prototype.replaceChildren.apply(problems, items);
    };
}"""


def test_lines_that_are_moved_together_are_read_once(lab):
    text_box(lab).fill(WRONG)
    figure(lab, "problems").to_contain_text("Dens")
    lab.locator('[data-test="problems"]').evaluate(COUNT_READINGS)
    text_box(lab).press("Control+A")
    text_box(lab).press("Control+]")
    expect(text_box(lab)).to_have_value(re.compile("^    Layers:\n    Conv"))
    lab.wait_for_function("readings > 0")
    assert lab.evaluate("readings") == 1
    text_box(lab).fill(OTHER)
    figure(lab, "problems").to_be_empty()
    assert lab.evaluate("readings") == 2


def test_all_of_it_by_keyboard(lab):
    box = text_box(lab)
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
    lab.keyboard.type("\n")
    lab.keyboard.press("Control+ ")
    lab.keyboard.press("Meta+Enter")  # trains as Control+Enter does, and takes nothing from the list
    expect(options).to_have_count(0)
    expect(box).to_have_value(OTHER)
    figure(lab, "state").to_have_text("finished")
    lab.keyboard.press("Tab")  # leaves the text
    for _ in range(30):
        if lab.locator(":focus").get_attribute("id") == "test":
            break
        lab.keyboard.press("Tab")
    lab.keyboard.press("Enter")
    figure(lab, "test-accuracy").to_have_text(PERCENT)
    lab.get_by_role("tab", name="Networks").focus()
    for panel in ("draw", "errors", "confusion", "look", "networks"):
        lab.keyboard.press("ArrowRight")
        expect(lab.locator(f"#panel-{panel}")).to_be_visible()


def test_a_text_that_is_moved_in_by_tabs_goes_on_so(lab):
    box = text_box(lab)
    box.fill("Layers:\nResidual:\n\tBatchNorm\n\tRepeat,2:")
    box.press("Control+End")
    lab.keyboard.press("Enter")
    lab.keyboard.press("Escape")
    lab.keyboard.type("Dropout,0.1")
    begun = "Layers:\nResidual:\n\tBatchNorm\n\tRepeat,2:\n"
    expect(box).to_have_value(f"{begun}\t\tDropout,0.1")
    box.press("Control+[")
    expect(box).to_have_value(f"{begun}\tDropout,0.1")
    box.press("Control+]")
    expect(box).to_have_value(f"{begun}\t\tDropout,0.1")


def test_a_text_with_other_line_ends_is_not_taken_for_another_text(lab):
    for _ in range(2):
        text = {"name": "win.txt", "mimeType": "text/plain", "buffer": OTHER.replace("\n", "\r\n").encode()}
        lab.locator("#file").set_input_files(text)
        expect(text_box(lab)).to_have_value(OTHER)
        lab.locator("#texts").select_option("first")
        expect(text_box(lab)).to_have_value(MODEL)
    lab.locator("#texts").select_option("win")
    expect(lab.locator("#texts option")).to_have_text(["Texts …", "first", "other", "win"])


def test_a_text_that_is_not_read_yet_is_trained_by_keyboard_and_one_that_is_composed_is_not(lab):
    text_box(lab).press("Control+End")
    _compose(lab, "# 註")
    expect(button(lab, "Train")).to_be_enabled()
    lab.keyboard.press("Control+Enter")
    figure(lab, "state").to_have_text("ready")
    long = OTHER + "\n" * 20_000  # so long that it is read only when the keys rest
    text_box(lab).evaluate(PUT, long)
    text_box(lab).press("Control+Enter")
    figure(lab, "state").to_have_text("finished")


def test_no_typed_text_is_lost_to_another_one(lab):
    choose = lab.locator("#texts").select_option
    names = lab.locator("#texts option")
    text_box(lab).fill(OTHER)
    train(lab)
    text_box(lab).fill(OTHER + "# first change\n")
    lab.get_by_role("button", name="Bring the lines of first to the editor").click()
    expect(text_box(lab)).to_have_value(OTHER)
    expect(names).to_have_text(["Texts …", "first", "other", "first_2"])
    choose("first_2")
    expect(text_box(lab)).to_have_value(OTHER + "# first change\n")
    text_box(lab).fill(OTHER + "# second change\n")
    choose("other")
    choose("first_2")
    expect(text_box(lab)).to_have_value(OTHER + "# second change\n")
    text = {"name": "other.txt", "mimeType": "text/plain", "buffer": b"# opened"}
    lab.locator("#file").set_input_files(text)
    expect(text_box(lab)).to_have_value("# opened")
    choose("other_2")
    expect(text_box(lab)).to_have_value(OTHER)
    lab.reload()
    choose("first_2")
    expect(text_box(lab)).to_have_value(OTHER + "# second change\n")


def test_the_texts_are_walked_through_with_the_arrow_keys(lab):
    texts, name = lab.locator("#texts"), lab.locator("#name")
    texts.focus()
    for key, expected in (("ArrowDown", "first"), ("ArrowDown", "other"), ("ArrowUp", "first")):
        lab.keyboard.press(key)
        expect(name).to_have_value(expected)
    text_box(lab).fill(WRONG)
    texts.select_option("first")  # as it was, and what was written over it is kept
    expect(text_box(lab)).to_have_value(MODEL)
    expect(texts.locator("option")).to_have_text(["Texts …", "first", "other", "first_2"])


def test_a_name_that_another_text_has_is_refused_where_it_is_seen(lab):
    lab.set_viewport_size({"width": 360, "height": 740})
    lab.locator("#name").fill("other")
    lab.locator("#name").press("Enter")
    expect(lab.locator("#name")).to_have_value("first")
    expect(lab.locator("#spoken")).to_have_text("another text is called other: take another name")
    expect(lab.locator("#message")).to_be_in_viewport()
    lab.locator("#texts").select_option("other")
    expect(text_box(lab)).to_have_value(OTHER)


def test_another_laboratory_in_the_same_tab_has_its_own_texts(lab, digits_folder, tmp_path):
    text_box(lab).fill(OTHER + "# mine\n")
    (tmp_path / "lab2.html").write_text(lab_page(load(digits_folder), [LabModel("lesson_2", MODEL)]))
    lab.goto((tmp_path / "lab2.html").as_uri())
    expect(text_box(lab)).to_have_value(MODEL)
    expect(lab.locator("#name")).to_have_value("lesson_2")


@pytest.mark.parametrize("width", [360, 1280])
def test_what_is_typed_stays_beside_the_table(lab, width):
    lab.set_viewport_size({"width": width, "height": 740})
    text_box(lab).fill(MODEL.rstrip())
    text_box(lab).press("Control+End")
    lab.keyboard.type("  # " + "abcde " * 12)
    lab.wait_for_function(BESIDE)


BESIDE = """() => {
    const shown = [...document.querySelectorAll(".beside .row span")].find((span) => span.offsetWidth);
    const typed = [...document.querySelectorAll(".editor .code .comment")].at(-1);
    const [text, table] = [typed, shown].map((each) => each?.getBoundingClientRect());
    return text?.width > 300 && text.right <= table?.left + 1;
}"""


def test_a_list_of_words_is_scrolled_and_taken_from_by_touch_and_opened_by_any_keyboard(lab):
    text_box(lab).fill("Layers:\n")
    text_box(lab).press("Control+End")
    text_box(lab).press("Control+ ")
    options = lab.get_by_role("listbox")
    options.get_by_role("option").first.dispatch_event("pointerdown")
    expect(text_box(lab)).to_have_value("Layers:\n")
    options.get_by_role("option").first.click()
    expect(text_box(lab)).not_to_have_value("Layers:\n")
    expect(text_box(lab)).to_be_focused()
    text_box(lab).fill("Layers:\n")
    text_box(lab).press("Control+End")
    _compose(lab, "Con")
    expect(options.locator("b").first).to_have_text("Conv")
    lab.keyboard.press("Enter")  # it ends the composition, and takes nothing from the list
    expect(text_box(lab)).to_have_value(re.compile("^Layers:\nCon\n?$"))


def _compose(lab, text):
    """Write as an input method does that has not ended the word yet."""
    cursor = {"selectionStart": len(text), "selectionEnd": len(text)}
    lab.context.new_cdp_session(lab).send("Input.imeSetComposition", {"text": text, **cursor})


def test_words_are_written_in_an_empty_first_line(lab):
    text_box(lab).fill("\nLayers:\n")
    text_box(lab).press("Control+Home")
    text_box(lab).press("Control+ ")
    lab.keyboard.press("Enter")
    expect(text_box(lab)).to_have_value(re.compile("^[A-Z][a-z]+:\nLayers:\n$"))


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
    text_box(lab).evaluate(PUT, text)
    figure(lab, "problems").to_contain_text(said)
    text_box(lab).evaluate(PUT, MODEL)
    figure(lab, "problems").to_be_empty()
    assert lab.title() == "Neural networks as text files"  # no text has changed it
