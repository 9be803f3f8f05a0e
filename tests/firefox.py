"""This machine's Firefox without a window, driven by WebDriver BiDi.

Playwright drives only a Firefox that it has changed itself. Source: https://www.w3.org/TR/webdriver-bidi/
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

EVENTS = "log.entryAdded", "network.beforeRequestSent"
WAIT = """new Promise((resolve) => {
  const ask = () => {
    if (!(%s)) return;
    clearInterval(timer);
    watch.disconnect();
    resolve(true);
  };
  const watch = new MutationObserver(ask);
  const timer = setInterval(ask, 1000);
  watch.observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
  ask();
})"""
SECONDS = 120  # in which Firefox answers one command
LEAVE_UNASKED = 'user_pref("dom.disable_beforeunload", true);'  # also a page with work that is not saved


class FirefoxPage:
    """A page in Firefox. complaints: the errors so far; requests: the addresses asked for so far."""

    def __init__(self, connection: Any) -> None:
        self._connection, self._ids = connection, count(1)
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self._command("session.new", capabilities={})
        self._command("session.subscribe", events=EVENTS)
        (context,) = self._command("browsingContext.getTree")["contexts"]
        self._context = context["context"]

    def goto(self, url: str) -> None:
        """Open an address, and wait until it is loaded."""
        self._command("browsingContext.navigate", context=self._context, url=url, wait="complete")

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression that JSON can hold; of a promise, what it comes to."""
        how = {"target": {"context": self._context}, "awaitPromise": True}
        wrapped = f"Promise.resolve({expression}).then((value) => JSON.stringify(value) ?? 'null')"
        answer = self._command("script.evaluate", expression=wrapped, **how)
        if answer["type"] == "exception":
            raise AssertionError(answer["exceptionDetails"]["text"])
        return json.loads(answer["result"]["value"])

    def wait_for(self, expression: str) -> None:
        """Wait until an expression is true; it is asked again at each change of the page, and each second."""
        self.evaluate(WAIT % expression)

    def press(self, *keys: str) -> None:
        """Press and release keys, one after another, where the focus is."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        source = {"type": "key", "id": "keyboard", "actions": actions}
        self._command("input.performActions", context=self._context, actions=[source])

    def close(self) -> None:
        """End Firefox."""
        self._command("browser.close")

    def _command(self, method: str, **params: Any) -> Any:
        number = next(self._ids)
        self._connection.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(self._connection.recv(timeout=SECONDS))
            if message.get("id") == number:
                assert message["type"] == "success", message
                return message["result"]
            self._note(message)

    def _note(self, event: dict[str, Any]) -> None:
        params = event.get("params", {})
        if event.get("method") == "log.entryAdded" and params["level"] == "error":
            self.complaints.append(params["text"])
        elif event.get("method") == "network.beforeRequestSent":
            self.requests.append(params["request"]["url"])


@contextmanager
def firefox_page() -> Iterator[FirefoxPage]:
    """An empty page in this machine's Firefox; skip without it. In the end nothing must have failed there.

    Nor may the page have used a network.
    """
    client = pytest.importorskip("websockets.sync.client", reason="needs websockets: pip install websockets")
    program = os.environ.get("FIREFOX") or shutil.which("firefox-esr") or shutil.which("firefox")
    if program is None:
        pytest.skip("needs Firefox, or one that FIREFOX names")
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        Path(profile, "user.js").write_text(LEAVE_UNASKED)
        command = [program, "--headless", "--profile", profile, "--remote-debugging-port", "0", "about:blank"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, env=os.environ | {"HOME": profile}, **quiet) as process:
            try:
                address = next(filter(None, map(_address, process.stderr)), None)
                assert address, "Firefox ended"
                with client.connect(f"{address}/session", max_size=None) as connection:
                    page = FirefoxPage(connection)
                    yield page
                    assert page.complaints == []
                    others = [url for url in page.requests if not re.match("file:|blob:|data:|about:", url)]
                    assert others == []
                    with suppress(Exception):  # it may end before it has answered
                        page.close()
            finally:
                process.kill()


def _address(line: str) -> str | None:
    found = re.search(r"WebDriver BiDi listening on (ws://\S+)", line)
    return found[1] if found else None
