"""What tests do in a laboratory that is open in a browser, and the texts that they write there."""

import re

MODEL = "Layers:\nConv,4,3,3,relu\nMaxPool,2,2\nFlatten\nDense,10,softmax\nOptimizer:\n0.003,0\n2\n32\n"
OTHER = "Layers:\nFlatten\nDense,10,softmax\nOptimizer:\n0.01,0\n1\n50\n"
WRONG = "Layers:\nConv,8,3,3,rellu\nFlatten\nDens,10,softmax\nOptimizer:\n0.001,0\n1\n32\n"
# Chromium can take a minute to write over many selected lines; to set them takes a moment.
PUT = "(box, text) => { box.value = text; box.dispatchEvent(new Event('input', { bubbles: true })); }"
NEXT_FRAME = "() => new Promise(requestAnimationFrame)"  # all that waits to be drawn is drawn in it
PERCENT = re.compile(r"^\d+\.\d\d %$")


def figure(page, name):
    """What is to be expected of one of the figures in sight, such as `epoch`."""
    from playwright.sync_api import expect

    return expect(page.locator(f'[data-test="{name}"]'))


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


def text_box(page):
    return page.get_by_role("textbox", name="Model text")


def train(page):
    button(page, "Train").click()
    figure(page, "state").to_have_text("finished")


def ask_test_set(page):
    button(page, "Test").click()
    figure(page, "test-accuracy").to_have_text(PERCENT)
