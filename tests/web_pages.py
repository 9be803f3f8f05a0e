"""A page of a browser that must neither fail nor use a network."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

PATIENCE = 60_000  # milliseconds until what a page was asked to do counts as missing, on the busiest machine


@contextmanager
def watched_page(browser: Any) -> Iterator[Any]:
    """An empty page of a browser. When it closes, it checks that nothing failed or used a network."""
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    complaints: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    yield page
    page.close()
    assert complaints == []
    assert not [url for url in requests if not url.startswith(("file:", "blob:", "data:"))]
