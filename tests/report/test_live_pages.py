"""Live pages in a browser: they load themselves again while the work goes on, and they never lie about it."""

import re

import pytest
from live_views import HOSTILE, exploration_of, news_of, training_of
from waiting import eventually

from MNIST.report.exploring.live import live_page as exploration_page
from MNIST.report.training.live import live_page as training_page

PNG = {"Histogram": b"\x89PNG\r\n\x1a\n"}


def pages(news):
    return exploration_page(exploration_of(news)), training_page(training_of(news))


@pytest.fixture
def open_file(browser_page, tmp_path):
    """A function that writes a page to the disk and opens it; and the file, to write it again."""
    file = tmp_path / "live.html"

    def show(text):
        file.write_text(text, encoding="utf-8")
        browser_page.goto(file.as_uri())
        return browser_page

    show.file = file
    return show


@pytest.mark.parametrize("state", ["runs", "over"])
def test_what_users_write_is_text_and_never_a_tag(open_file, state):
    for text in pages(news_of(state, interval=600)):
        assert "script-src 'unsafe-inline'" in text
        assert "default-src 'none'" in text
        page = open_file(text)
        assert page.title() != "taken"
        assert page.locator("img").count() == 0
        assert page.locator("pre").first.inner_text() == f"python MNIST {HOSTILE}"
        assert page.get_by_text(HOSTILE).count() >= 3


def test_it_loads_itself_again_and_stays_where_its_reader_is(open_file):
    view = exploration_of(news_of(interval=0.1))
    page = open_file(exploration_page(view))
    page.set_viewport_size({"width": 400, "height": 300})
    # A page that nobody has touched has what was set in the one before it.
    table = "document.querySelector('.wide')"
    touch = (
        f"touched = true, {table}.tabIndex = 0, {table}.focus(), {table}.scrollLeft = 30, scrollTo(0, 250)"
    )
    focus = f"document.activeElement === {table}"
    kept = f"!window.touched && scrollY === 250 && {table}.scrollLeft === 30 && {focus}"
    eventually(lambda: look(page, f"document.readyState === 'complete' && ({kept} || ({touch}, false))"))
    open_file.file.write_text(exploration_page(exploration_of(news_of(interval=0.1, headline="Later."))))
    page.locator(".headline", has_text="Later.").wait_for()
    stays = "paused && Date.now() - (window.since ??= Date.now()) > 500"  # no other page is on its way
    eventually(
        lambda: look(
            page, f"document.readyState === 'complete' && ({stays} || (paused || pause.click(), false))"
        )
    )
    open_file.file.write_text(exploration_page(exploration_of(news_of("over", headline="Finished."))))
    page.wait_for_timeout(800)  # many times the interval
    assert "it is not loaded again" in page.locator("#age").inner_text()
    page.evaluate("pause.focus({preventScroll: true}), scrollTo(0, 250)")
    page.keyboard.press("Enter")  # a click would scroll to the button
    page.locator(".headline", has_text="Finished.").wait_for()
    assert page.evaluate("[scrollY, history.scrollRestoration]") == [250, "auto"]


def look(page, expression):
    """What an expression gives in the page; None while the page is loaded again."""
    try:
        return page.evaluate(expression)
    except Exception as error:
        if "navigation" in str(error) or "context" in str(error):
            return None
        raise


def test_what_is_over_is_not_loaded_again(open_file):
    for state in "over", "stopped", "failed":
        for text in pages(news_of(state, age=1_000_000, interval=0.1)):
            page = open_file(text)
            assert "location.reload" not in text
            assert "refresh" not in text
            assert page.locator("progress, #pause, #silence").count() == 0


def test_a_page_that_is_seldom_written_is_loaded_often_enough_to_see_the_end(open_file):
    """One slow moment of the machine makes the pages rare; the last one is written at once all the same."""
    for text in pages(news_of(interval=600)):
        news = open_file(text).locator("#news")
        assert float(news.get_attribute("data-wait")) <= 15
        assert float(news.get_attribute("data-silent")) == 3000
        assert '<meta http-equiv="refresh" content="15">' in text


def test_a_page_without_news_says_so(open_file):
    for text in pages(news_of(age=180, interval=2)):
        page = open_file(text)
        words = "No news for 3 minutes: the process may have ended. The same command goes on."
        page.locator("#silence", has_text=words).wait_for()
        assert "silent" in page.locator("#news").get_attribute("class")
    page = open_file(exploration_page(exploration_of(news_of(age=180, interval=60))))
    assert page.locator("#silence").inner_text() == ""  # its next page may take five minutes
    page = open_file(exploration_page(exploration_of(news_of(age=-7200))))  # of a machine with another clock
    assert page.locator("#age").inner_text() == "Written 0 seconds ago."


def test_without_scripts_the_browser_loads_it_again(chromium, tmp_path):
    file = tmp_path / "live.html"
    file.write_text(training_page(training_of(news_of(interval=1))))
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(file.as_uri())
    file.write_text(training_page(training_of(news_of("over", headline="Finished."))))
    page.locator(".headline", has_text="Finished.").wait_for()
    context.close()


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_it_is_accessible_and_nothing_is_cut_off(open_file, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
    texts = [
        *pages(news_of(age=180, interval=600)),
        *pages(news_of("over")),
        exploration_page(exploration_of(news_of("stopped"), runs=300)),
    ]
    for text in texts:
        page = open_file(text)
        page.set_viewport_size({"width": width, "height": 740})
        page.emulate_media(color_scheme=scheme)
        assert axe.Axe().run(page).response["violations"] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_pictures_are_in_the_page_and_one_of_them_tells_what_matters():
    text = exploration_page(exploration_of(news_of("over"), pictures=PNG))
    assert 'src="data:image/png;base64,iVBORw0KGgo="' in text
    assert "Which parameters matter" in text
    text = exploration_page(exploration_of(news_of("over"), pictures=PNG | {"Importance": b""}))
    assert "Which parameters matter" not in text


@pytest.mark.parametrize("runs", [0, 1, 3, 300])
def test_few_runs_and_many(runs):
    text = exploration_page(exploration_of(news_of(), runs=runs))
    assert ("No epoch is finished yet." in text) == (runs == 0)
    assert len(re.findall(r"<path ", text)) == {0: 0, 1: 1, 3: 3, 300: 43}[runs]
    assert ("half of all runs are above" in text) == (runs == 300)


def test_a_training_of_many_epochs_has_the_last_ones_in_its_table():
    text = training_page(training_of(news_of(), epochs=1000))
    assert "The last 50 of 1,000 epochs" in text
    assert '<th scope="row">951<' in text
    assert '<th scope="row">950<' not in text
    assert len(text) < 60_000
