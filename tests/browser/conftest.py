"""Shared by the tests of the scripts in a browser: a page in which modules can be called."""

import pytest
from web_pages import watched_page

from MNIST.browser import bundle, variable


@pytest.fixture(scope="module")
def modules(chromium):
    """Open modules in an empty page, whose global names are then all that they export.

    Called with places below the package, such as "browser/language/parse.js"; returns the page. The pages
    stay open as long as the test file runs, and must neither fail nor use a network.
    """
    opened = []

    def open_page(*places):
        watched = watched_page(chromium)
        opened.append(watched)
        page = watched.__enter__()
        names = "".join(f"Object.assign(globalThis, {variable(place)});\n" for place in places)
        page.add_script_tag(content=bundle(*places) + names)
        return page

    yield open_page
    for watched in reversed(opened):
        watched.__exit__(None, None, None)
