"""The laboratory as someone uses it: a lesson, trainings, results, narrow windows."""

import re

import pytest
from lab_in_use import (
    MODEL,
    NEXT_FRAME,
    OTHER,
    PERCENT,
    ask_test_set,
    button,
    figure,
    text_box,
    train,
)
from web_pages import watched_page

from MNIST.browser import bundle, variable
from MNIST.report.intervals import wilson_interval
from MNIST.report.testing import significance

expect = pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install playwright").expect


def test_a_lesson_from_opening_to_comparing_two_networks(lab):
    expect(text_box(lab)).to_have_value(MODEL)
    expect(lab.locator("header")).to_contain_text("digits · 1,500 + 297 images")
    figure(lab, "state").to_have_text("ready")
    expect(button(lab, "Test")).to_be_disabled()
    train(lab)
    figure(lab, "epoch").to_have_text("2")
    figure(lab, "validation-accuracy").to_have_text(PERCENT)
    for name in ("seconds", "images-per-second"):
        figure(lab, name).to_have_text(re.compile(r"^[\d,.]+$"))
    expect(lab.locator("#curves svg")).to_have_count(2)
    expect(lab.locator("#gradients")).to_contain_text("conv_1")
    expect(lab.locator("#kernel-pictures canvas")).to_be_visible()
    note = lab.locator("#about-test")
    expect(note).to_contain_text("Not used yet")
    ask_test_set(lab)
    expect(note).to_contain_text("Used once")

    text_box(lab).fill(f"\n{MODEL}")
    expect(button(lab, "Write this line")).to_be_hidden()  # its number is now another line's
    text_box(lab).fill(MODEL)
    button(lab, "Write this line").click()  # the change that the page proposes
    expect(text_box(lab)).to_have_value(MODEL.replace("Conv,4", "Conv,8"))
    expect(lab.locator("#curves")).to_contain_text("trained from an earlier text")
    train(lab)
    figure(lab, "test-accuracy").to_have_text("–")
    ask_test_set(lab)
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
        "One image": "Dense,10,softmax 10, before softmax",
    }.items():
        lab.get_by_role("tab", name=tab).click()
        expect(lab.get_by_role("tabpanel")).to_contain_text(shown)
    lab.get_by_role("tab", name="Errors").click()
    lab.locator("#panel-errors button").first.click()
    expect(lab.get_by_role("tabpanel")).to_contain_text("It is")


def test_drawing_is_answered_and_kept_as_a_dataset(lab):
    text_box(lab).fill(OTHER)
    train(lab)
    lab.get_by_role("tab", name="Draw").click()
    expect(button(lab, "Save these as a dataset")).to_be_disabled()
    lab.locator("#pad").focus()
    for key in [" ", *["ArrowDown"] * 18, " "]:
        lab.keyboard.press(key)
    expect(lab.locator("#panel-draw .answer")).to_contain_text("%")
    button(lab, "Keep it as 1").click()
    expect(lab.locator("#panel-draw")).to_contain_text("1 drawing kept")
    with lab.expect_download() as download:
        button(lab, "Save these as a dataset").click()
    assert download.value.suggested_filename == "drawn.npz"


def test_a_finger_draws_alone(lab):
    """Until it is lifted, the mouse adds nothing."""
    lab.get_by_role("tab", name="Draw").click()
    pad = lab.locator("#pad")
    pad.scroll_into_view_if_needed()
    corner = pad.bounding_box()
    touch = lab.context.new_cdp_session(lab)

    def moved(kind, *points):
        places = [{"x": corner["x"] + x, "y": corner["y"] + y} for x, y in points]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})
        lab.evaluate(NEXT_FRAME)
        return pad.evaluate("canvas => canvas.toDataURL()")

    moved("touchStart", (40, 40))
    before = moved("touchMove", (80, 40))
    lab.mouse.move(corner["x"] + 240, corner["y"] + 240)
    lab.mouse.down()
    lab.mouse.move(corner["x"] + 40, corner["y"] + 240)
    lab.mouse.up()
    assert moved("touchMove", (80, 40)) == before
    assert moved("touchMove", (140, 40)) != before
    moved("touchEnd")


def test_what_is_told_stays_while_a_training_goes_on(lab):
    text_box(lab).fill(OTHER.replace("\n1\n", "\n10000\n"))
    button(lab, "Train").click()
    message = lab.locator("#message")
    expect(message).to_contain_text("of 10000")
    lab.locator("#name").fill("other")
    lab.locator("#name").press("Enter")
    epoch = lab.locator('[data-test="epoch"]').inner_text()
    expect(lab.locator('[data-test="epoch"]')).not_to_have_text(epoch)
    expect(message).to_have_text("another text is called other: take another name")
    button(lab, "Stop").click()
    figure(lab, "state").to_have_text("stopped")
    expect(message).to_contain_text("stopped after")


def test_a_number_of_images_is_at_least_one(lab):
    lab.locator("#run summary").click()
    for written, meant in (("-5", "1 image"), ("0", "1 image"), ("12", "12 images"), ("", "all images")):
        lab.locator("#images").fill(written)
        expect(lab.locator("#run summary")).to_have_text(f"Seed 0 · 90 % of {meant} for training")


def test_stop_keeps_whole_epochs_and_go_on_trains_further(lab):
    text_box(lab).fill(OTHER.replace("\n1\n", "\n10000\n"))
    button(lab, "Train").click()
    figure(lab, "validation-accuracy").to_have_text(PERCENT)
    expect(button(lab, "Train")).to_be_disabled()
    button(lab, "Stop").click()
    figure(lab, "state").to_have_text("stopped")
    before = int(lab.locator('[data-test="epoch"]').inner_text())
    assert before >= 1
    button(lab, "Go on").click()
    figure(lab, "state").to_have_text("training")
    figure(lab, "images-per-second").to_have_text(re.compile(r"\d"))
    figure(lab, "epoch").not_to_have_text(f"{before}")
    button(lab, "Stop").click()
    figure(lab, "state").to_have_text("stopped")
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
    text_box(lab).fill(OTHER.replace("\n1\n", "\n100000\n"))
    lab.evaluate(MOST_DRAWN)
    button(lab, "Train").click()
    lab.evaluate(STOP_AFTER, 100)
    epoch = lab.locator('[data-test="epoch"]')
    figure(lab, "state").to_have_text("stopped")
    assert 1 <= lab.evaluate("most") <= 2

    table = lab.locator("#curves details")
    rows = table.locator("tbody tr")
    expect(rows).to_have_count(0)  # until someone opens it
    table.locator("summary").click()
    before = int(epoch.inner_text())
    assert before >= 100
    expect(rows).to_have_count(before)
    rows.first.evaluate("row => { row.id = 'written-once'; }")
    button(lab, "Go on").click()
    lab.evaluate(STOP_AFTER, before + 10)
    figure(lab, "state").to_have_text("stopped")
    assert int(epoch.inner_text()) >= before + 10
    expect(rows).to_have_count(int(epoch.inner_text()))
    expect(rows.first).to_have_id("written-once")
    text_box(lab).fill(OTHER)
    train(lab)
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


def test_of_several_files_each_is_told_and_heard(lab):
    text = {"name": "mine.txt", "mimeType": "text/plain", "buffer": OTHER.encode()}
    bad = {"name": "n.zip", "mimeType": "application/zip", "buffer": b"words"}
    lab.locator("#file").set_input_files([bad, text])
    both = "n.zip is no network that a laboratory saved; mine.txt is opened"
    expect(lab.locator("#message.bad")).to_have_text(both)
    expect(lab.locator("#spoken")).to_have_text(both)
    lab.locator("#file").set_input_files(text)
    expect(lab.locator("#spoken")).to_have_text("mine.txt is opened")


def test_a_network_that_is_opened_while_one_of_its_name_trains_keeps_its_name(lab, tmp_path):
    text_box(lab).fill(OTHER)
    train(lab)
    with lab.expect_download() as download:
        button(lab, "Save first as a file").click()
    download.value.save_as(tmp_path / "first.zip")
    lab.reload()
    text_box(lab).fill(OTHER.replace("\n1\n", "\n10000\n"))
    button(lab, "Train").click()
    figure(lab, "validation-accuracy").to_have_text(PERCENT)
    lab.locator("#file").set_input_files(tmp_path / "first.zip")
    button(lab, "Stop").click()
    figure(lab, "state").to_have_text("stopped")
    expect(lab.locator("#message")).to_contain_text("first_2: stopped after")
    expect(lab.locator("#network option")).to_have_text(["first", "first_2"])


def test_what_is_said_of_a_network_names_it_and_is_not_talked_over(lab):
    text_box(lab).fill(OTHER)
    train(lab)
    lab.get_by_role("tab", name="Draw").click()
    lab.locator("#pad").focus()
    for key in [" ", *["ArrowDown"] * 9, " "]:
        lab.keyboard.press(key)
    expect(lab.locator("#spoken")).to_have_text(re.compile("^first: "))
    answer = lab.locator("#panel-draw .answer")
    answer.evaluate("answer => answer.replaceChildren()")
    train(lab)
    expect(answer).to_contain_text("%")  # the new network has answered, too
    expect(lab.locator("#message")).to_contain_text("first_2: finished after 1 epoch")
    expect(lab.locator("#spoken")).to_contain_text("Training of first_2 finished")
    ask_test_set(lab)
    expect(lab.locator("#message")).to_have_text(re.compile("^first_2: [0-9]+ of 297 test images right$"))
    expect(lab.locator("#spoken")).to_contain_text("Test accuracy of first_2: ")
    lab.get_by_role("tab", name="Errors").click()
    lab.locator("#panel-errors button").first.focus()
    lab.keyboard.press("Enter")
    expect(lab.get_by_role("tab", name="One image")).to_be_focused()


def test_a_text_that_is_nowhere_else_is_not_left_unasked(lab, tmp_path):
    asks = "() => !dispatchEvent(new Event('beforeunload', { cancelable: true }))"
    assert lab.evaluate(asks) is False
    text_box(lab).fill(OTHER + "# mine\n")
    assert lab.evaluate(asks) is True
    lab.locator("#texts").select_option("other")  # now it is only among the texts
    assert lab.evaluate(asks) is True
    lab.locator("#texts").select_option("first")
    with lab.expect_download():
        button(lab, "Save").click()
    assert lab.evaluate(asks) is False


def test_nothing_trains_while_a_network_is_tested(lab):
    train(lab)
    hold = """() => {
        const { disabled } = document.querySelector("#train");
        document.querySelector("#test").click();
        return [disabled, document.querySelector("#train").disabled];
    }"""
    assert lab.evaluate(hold) == [False, True]
    expect(button(lab, "Train")).to_be_enabled()


def test_a_zip_that_is_none_is_not_taken_for_a_text(lab):
    lab.locator("#file").set_input_files({"name": "n.zip", "mimeType": "application/zip", "buffer": b"words"})
    expected = "n.zip is no network that a laboratory saved"
    lab.locator("#message", has_text=expected).wait_for()
    assert text_box(lab).input_value() == MODEL  # as it was before


def test_the_focus_stays_where_a_table_is_written_anew(lab):
    text_box(lab).fill(OTHER)
    train(lab)
    train(lab)
    show = lab.get_by_role("button", name="Show first", exact=True)
    show.focus()
    lab.keyboard.press("Enter")
    expect(show).to_have_attribute("aria-pressed", "true")
    expect(show).to_be_focused()


def test_a_second_training_begins_at_its_beginning(lab):
    text_box(lab).fill(OTHER)
    train(lab)
    expect(lab.locator("#gradients")).to_be_visible()
    lab.evaluate(WATCH_SHARE)
    text_box(lab).fill(OTHER.replace("\n1\n", "\n10000\n"))
    assert lab.evaluate(GRADIENTS_AT_THE_BEGINNING) in ("hidden", "its own")
    figure(lab, "state").to_have_text("training")
    assert lab.evaluate("globalThis.shares[0]") == "0"
    button(lab, "Stop").click()
    figure(lab, "state").to_have_text("stopped")


# What is shown in the first frame after a click on Train; the first report may have come by then.
GRADIENTS_AT_THE_BEGINNING = """async () => {
    document.querySelector("#train").click();
    await new Promise(requestAnimationFrame);
    if (document.querySelector("#gradients").hidden) return "hidden";
    const isReported = document.querySelector('[data-test="images-per-second"]').textContent !== "–";
    return isReported ? "its own" : "the other network's";
}"""

# What the progress bar says at each change, from now on.
WATCH_SHARE = """() => {
    globalThis.shares = [];
    const bar = document.querySelector("#progress");
    const watch = new MutationObserver(() => shares.push(bar.getAttribute("aria-valuenow")));
    watch.observe(bar, { attributes: true, attributeFilter: ["aria-valuenow"] });
}"""


# Writes into an empty page what a slow disk has read of the file, clicks on Train, and writes the rest.
READ_SLOWLY = """async ([begin, rest]) => {
    document.open();
    document.write(begin);
    document.querySelector("#train").click();
    await new Promise((resolve) => setTimeout(resolve));
    const state = document.readyState;
    document.write(rest);
    document.close();
    return state;
}"""


def test_training_begins_before_the_file_is_read_and_waits_for_the_rest(file, browser_page):
    begin, data, rest = file.read_text(encoding="utf-8").partition('<script type="text/plain"')
    assert browser_page.evaluate(READ_SLOWLY, [begin, data + rest]) == "loading"
    figure(browser_page, "state").to_have_text("finished")


def test_the_kernels_of_a_block_are_shown_after_the_training_too(lab):
    text_box(lab).fill(OTHER.replace("Flatten", "Residual:\n    Conv,1,3,3,relu,padding=same\nFlatten"))
    train(lab)
    lab.evaluate(NEXT_FRAME)
    expect(lab.locator("#kernel-pictures canvas")).to_be_visible()


def test_a_network_that_went_on_has_all_its_epochs_when_it_is_opened_again(lab, tmp_path):
    text_box(lab).fill(OTHER)
    train(lab)
    button(lab, "Go on").click()
    figure(lab, "epoch").to_have_text("2")
    figure(lab, "state").to_have_text("finished")
    with lab.expect_download() as download:
        lab.get_by_role("button", name="Save first_2 as a file").click()
    download.value.save_as(tmp_path / "first_2.zip")
    lab.locator("#file").set_input_files(tmp_path / "first_2.zip")
    expect(lab.locator("#message")).to_contain_text("first_3 is opened")
    row = lab.get_by_role("row").filter(has_text="first_3")
    expect(row).to_contain_text("2 epochs")
    expect(row).not_to_contain_text("of")


def test_the_number_of_an_image_survives_a_drawing(lab):
    text_box(lab).fill(OTHER)
    train(lab)
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


def test_a_network_too_large_says_so_before_it_trains(lab):
    text_box(lab).fill(MODEL.replace("Dense,10,", "Dense,100000,relu\nDense,9000,relu\nDense,10,"))
    button(lab, "Train").click()
    figure(lab, "state").to_have_text("failed")
    lab.locator("#message", has_text="GiB").wait_for()
    text_box(lab).fill(OTHER)
    train(lab)


COMPARED = """(networks) => {
  const usual = { seed: 0, split: 0.9, trainingImages: 90, validationImages: 10, seconds: 1, keptEpoch: 1 };
  const known = { spec: { epochs: 1 }, history: [{ valAccuracy: 0.5 }], network: { parameters: 10 } };
  const all = networks.map(({ correctOf, ...trained }) => {
    const [correct, count] = [correctOf.reduce((sum, each) => sum + each), correctOf.length];
    const result = { correctOf, correct, count, accuracy: correct / count };
    return { trained: { ...usual, ...known, ...trained }, result, isSaved: false, early: [], norms: null };
  });
  createNetworks(document.body, createState({ networks: all, shown: all[0] }), {});
  for (const place of [0, 1]) document.querySelectorAll("input")[place].click();
  return document.body.innerText;
}"""


def test_a_layer_that_moves_out_of_a_block_is_a_difference(modules):
    inside = OTHER.replace("Flatten", "Residual:\n    Conv,1,3,3,padding=same\n    BatchNorm\nFlatten")
    outside = inside.replace("    BatchNorm", "BatchNorm")
    networks = [
        {"name": "inside", "text": inside, "correctOf": [1] * 9},
        {"name": "outside", "text": outside, "seed": 1, "correctOf": [0] * 9},
        {"name": "indented", "text": re.sub("(?m)^(?!Lay|Opt)", "  ", outside), "correctOf": [1] * 9},
    ]
    page = modules("lab/networks.js", "lab/state.js")
    said = page.evaluate(COMPARED, networks[:2])
    assert "outside differs from inside: BatchNorm moved out of a block and seed 1 instead of 0." in said
    assert "The seed alone" not in said
    said = page.evaluate(COMPARED, networks[1:])
    assert "indented differs from outside: seed 0 instead of 1." in said


def test_two_networks_are_judged_as_in_the_list_of_all(modules):
    ten, four = [1] * 10, [1] * 4 + [0] * 6  # alone, their p is 0.031
    networks = [{"name": name, "text": MODEL, "correctOf": ten} for name in ("one", "two", "three")]
    networks[1]["correctOf"] = four
    said = modules("lab/networks.js", "lab/state.js").evaluate(COMPARED, networks)
    assert "Of 3 pairs that were tested, none differ" in said
    assert "could explain the difference: do not choose by it" in said
    assert "not distinguishable (p = 0.09)" in said


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
