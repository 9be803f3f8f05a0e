"""The page as someone uses it: drawn on by mouse and keyboard, on a phone, with hostile names."""

import re
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np
import pytest

from MNIST.data.catalogue import about_published
from MNIST.errors import UsageError
from MNIST.language import lay_out, parse_spec
from MNIST.page import PageNetwork, assemble, draw_page, is_draw_page, page_network
from MNIST.page.numbers import Numbers
from MNIST.training.draws import initial_weights

ROOT = Path(__file__).parents[2]
SMALL = "Layers:\nConv,20,3,3,relu\nMaxPool,2,2\nFlatten\nDense,10,softmax\nOptimizer:\n0.001,0\n1\n32\n"
ROWS = "Layers:\nFlatten\nDense,8,relu\nDense,10,softmax\nOptimizer:\n0.001,0\n1\n32\n"
SEVEN = [(70, 60), (210, 60), (175, 130), (140, 230)]


def _network(text=SMALL, name="small", seed=0, **more):
    network = lay_out(parse_spec(text))
    return page_network(name, network, initial_weights(network, seed), (0.13, 0.31), **more)


def _draw(page, stroke=SEVEN):
    page.locator("#pad").scroll_into_view_if_needed()
    box = page.locator("#pad").bounding_box()
    (x, y), *others = [(box["x"] + x, box["y"] + y) for x, y in stroke]
    page.mouse.move(x, y)
    page.mouse.down()
    for x, y in others:
        page.mouse.move(x, y, steps=5)
    page.mouse.up()


def _spoken(page, words="%"):
    """Wait until the page has announced these words to screen readers."""
    page.locator("#spoken", has_text=words).wait_for(state="attached")


def _shown_bars(page):
    texts = page.locator(".bars li > :last-child").all_text_contents()
    return [float(text[:-2].strip("<>")) for text in texts if text]


def _seen(page):
    """The picture that the page shows as what the networks see: uint8 (28, 28)."""
    read = "[...document.querySelector('#seen').getContext('2d').getImageData(0, 0, 28, 28).data]"
    return np.array(page.evaluate(read), np.uint8).reshape(28, 28, 4)[:, :, 0]


def test_a_drawn_stroke_is_answered_by_every_network(open_page, answers):
    from playwright.sync_api import expect  # the fixture has checked that it is installed

    page = open_page(_network(), _network(ROWS, "rows", 1))
    assert page.locator("#invitation").is_visible()
    expect(page.locator(".card .percent")).to_have_text(["draw a digit"] * 2)  # after loading their weights
    _draw(page)
    _spoken(page)
    assert not page.locator("#invitation").is_visible()
    seen = _seen(page)
    shown = np.array(_shown_bars(page)).reshape(2, 10)
    for network in (0, 1):
        expected = answers(page, seen[None], network)[0]
        np.testing.assert_allclose(shown[network], 100 * expected, atol=0.1)
        assert page.locator(".digit").nth(network).text_content() == str(expected.argmax())
        assert page.locator(".bars").nth(network).locator(".first").text_content()[0] == str(
            expected.argmax()
        )
    top, *_, bottom = np.flatnonzero(seen.any(axis=1))  # a seven: a bar above, one stroke below
    bar, foot = (
        (seen[row].max(axis=0) > 100).sum() for row in (slice(top, top + 3), slice(bottom - 3, bottom))
    )
    assert bar > 2 * foot > 0
    page.get_by_role("button", name="Clear").click()
    _spoken(page, "empty")
    assert _shown_bars(page) == []
    assert not _seen(page).any()


def test_the_keyboard_draws_opens_and_clears(open_page):
    page = open_page(_network())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "pad"
    for keys in (["ArrowLeft"] * 5, [" "], ["ArrowRight"] * 12, ["ArrowDown"] * 15, [" "]):
        for key in keys:
            page.keyboard.press(key)
    _spoken(page)
    inked = _seen(page) > 128
    rows, columns = (np.flatnonzero(inked.any(axis=1 - axis)) for axis in (0, 1))
    drawn = inked[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    assert drawn[:3].any(axis=0).all()  # a line across, then one down at the right
    assert drawn[:, -4:].any(axis=1).all()
    assert not drawn[5:, :-5].any()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector(".layers canvas")
    assert "16 maps of 26×26 and 4 more" in page.locator(".layers figcaption").text_content()
    page.keyboard.press("c")  # a letter does nothing elsewhere
    assert _seen(page).any()
    page.locator("#pad").focus()
    drawn = page.locator("#pad").evaluate("pad => pad.toDataURL()")
    page.keyboard.down(" ")
    begun = page.locator("#pad").evaluate("pad => pad.toDataURL()")
    for _ in range(3):
        page.keyboard.down(" ")  # as it comes again and again while the key is held
        assert page.locator("#pad").evaluate("pad => pad.toDataURL()") == begun != drawn
    page.keyboard.up(" ")
    page.keyboard.press("c")
    _spoken(page, "empty")
    assert not _seen(page).any()


def test_the_maps_are_those_of_the_layer(open_page):
    """It has three kernels: one passes the image through, one changes its sign, one is 0."""
    text = "Layers:\nConv,3,1,1,linear\nFlatten\nDense,10,softmax\nOptimizer:\n0.001,0\n1\n32\n"
    network = lay_out(parse_spec(text))
    weights = initial_weights(network, 0) | {"conv_1/kernel": np.float32([[[[1, -1, 0]]]])}
    page = open_page(page_network("it", network, weights, (0.1, 0.3)))
    page.locator("summary").click()
    _draw(page)
    page.wait_for_selector(".layers canvas")
    _spoken(page)  # only now the maps are those of the whole stroke
    read = "canvas => [...canvas.getContext('2d').getImageData(0, 0, 88, 28).data]"
    maps = np.array(page.locator(".layers canvas").evaluate(read), np.uint8).reshape(28, 88, 4)
    same, turned, nothing = (maps[:, begin : begin + 28] for begin in (0, 30, 60))
    seen = _seen(page)
    assert (same[seen == 255] == [0, 114, 178, 255]).all()
    assert (turned[seen == 255] == [213, 94, 0, 255]).all()
    assert len(np.unique(nothing[:, :, 3])) == 1
    strength = same[:, :, 3].astype(int)
    assert (np.diff(strength.ravel()[seen.ravel().argsort()]) >= 0).all()  # stronger ink is more opaque


def test_each_network_sees_a_drawing_in_its_form_and_polarity(open_page):
    page = open_page(_network(), _network(ROWS, "whole", form="whole"), _network(ROWS, "dark", ink="dark"))
    _draw(page)
    _spoken(page)
    digit, whole, dark = (
        np.array(page.evaluate(f"MNIST.seen({place})")).reshape(28, 28) for place in range(3)
    )
    assert np.array_equal(digit, _seen(page))
    assert np.array_equal(dark, 255 - digit)
    assert whole.any()
    assert not np.array_equal(whole, digit)  # the stroke stays where it was drawn


def test_a_phone_is_wide_enough(open_page):
    page = open_page(_network(name="a_name_" + "x" * 57), _network(ROWS, "rows"))
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator("summary").first.click()
    _draw(page)
    _spoken(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_an_error_in_a_network_leaves_no_older_answer_standing(open_page):
    page = open_page(_network(), _network(ROWS, "rows"))
    _draw(page)
    _spoken(page)
    assert len(_shown_bars(page)) == 20
    page.evaluate("MNIST.probabilities(0, null).catch(() => null)")  # its worker cannot read that
    page.locator("#pad").focus()
    page.keyboard.press("c")
    _spoken(page, "empty")
    _draw(page, SEVEN[:2])
    _spoken(page, "small: ?, failed: reload this page.")
    assert page.locator(".digit").all_text_contents()[0] == "?"
    assert len(_shown_bars(page)) == 10  # the other one goes on


def test_of_two_networks_the_votes_are_spoken_before_each_answer(open_page):
    page = open_page(_network(ROWS, "rows"), _network(ROWS, "others", 1))
    _draw(page)
    _spoken(page)
    one, other = page.locator(".digit").all_text_contents()
    votes = f"Both say {one}" if one == other else f"1 of 2 says {one}, 1 says {other}"
    assert page.locator("#votes").text_content() == votes
    assert page.locator("#spoken").text_content().startswith(f"{votes}. rows: {one}, ")
    assert page.locator("#choice").is_hidden()
    page.get_by_role("button", name="Clear").click()
    _spoken(page, "empty")
    assert page.locator("#votes").text_content() == ""


def test_of_many_networks_the_votes_are_shown_and_spoken(open_page):
    page = open_page(*(_network(ROWS, f"student_{seed}", seed) for seed in range(12)))
    page.set_viewport_size({"width": 1280, "height": 720})
    _draw(page)
    _spoken(page, "say")
    counts = Counter(page.locator(".digit").all_text_contents())
    votes = page.locator("#votes").text_content()
    found = {answer: int(count) for count, answer in re.findall(r"(\d+)(?: of 12)? says? (\d)", votes)}
    assert found == counts
    assert page.locator("#spoken").text_content() == f"{votes}."
    assert page.locator(".bars").first.is_hidden()
    assert page.evaluate("document.documentElement.scrollHeight") <= 720  # all on one screen of a projector
    page.get_by_label("bars and maps of each network").check()
    assert page.locator(".bars").first.is_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    for _ in range(2):
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.get_by_label("bars and maps of each network").uncheck()


def test_a_network_of_clothes_names_them_and_asks_for_no_digit(open_page):
    clothes = about_published("fashion").classes
    page = open_page(_network(ROWS, "rows", classes=clothes))
    assert page.title() == "Draw a picture"
    assert page.locator("#invitation").text_content() == "draw a picture"
    assert "digit:" not in page.locator("body").inner_text()
    _draw(page)
    _spoken(page)
    assert page.locator(".bars li > :first-child").all_text_contents() == list(clothes)
    assert page.locator(".digit").text_content() in clothes
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert is_draw_page(Path(url2pathname(urlsplit(page.url).path)))


def test_hostile_names_are_text(open_page):
    name = "</script><script>document.title = 'taken'</script><img src=x onerror=alert(1)><!--"
    page = open_page(_network(name=name), _network(ROWS, "rows"))
    assert page.locator("h2").all_text_contents() == [name, "rows"]
    _draw(page)
    _spoken(page)
    assert page.title() == "Draw a digit"
    assert page.locator("img").count() == 0


def test_the_policy_forbids_every_request(open_page, chromium):
    file = open_page(_network()).url
    page, refused = chromium.new_page(), []
    page.on("console", lambda message: refused.append(message.text))
    page.goto(file)
    assert (
        page.evaluate("fetch('https://example.org').then(() => 'got', (error) => error.name)") == "TypeError"
    )
    assert any("default-src 'none'" in text for text in refused)
    page.close()


def test_a_page_too_large_is_refused(monkeypatch):
    monkeypatch.setattr(assemble, "MOST_BYTES", 1_000)
    network = PageNetwork("large", "", b"0" * 800, {}, (0.1, 0.3), (), 1, 1)
    with pytest.raises(UsageError, match="large would take"):
        draw_page([network])


def test_float16_is_kept_to_what_it_can_hold():
    """For any tensor, the error of what is read back is at most 2⁻¹¹ of its largest value."""
    draw = np.random.default_rng(0)
    for scale in 10.0 ** np.arange(-12, 13):
        values = (scale * draw.standard_normal((40, 30))).astype(np.float32)
        numbers = Numbers(compact=True)
        found = numbers.add(values)
        back = np.frombuffer(numbers.to_bytes(), {"float16": "<f2", "float32": "<f4"}[found["type"]])
        error = np.abs(back.astype(np.float32).reshape(values.shape) - values)
        assert error.max() <= 2**-11 * np.abs(values).max()
        assert found["type"] == ("float16" if 0.9e-4 < scale < 1.1e4 else "float32")
