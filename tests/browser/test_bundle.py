"""Modules joined to one script: their order, their names, and what is wrong with some."""

import pytest

from MNIST.browser import bundle


@pytest.fixture
def room(tmp_path, monkeypatch):
    """Write modules below a package of their own; return its name."""

    def written(**texts):
        package = "scripts_" + "_".join(texts)  # of a name that Python has not imported yet
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
        for name, text in texts.items():
            (tmp_path / package / f"{name}.js").write_text(text)
        monkeypatch.syspath_prepend(str(tmp_path))
        return package

    return written


def test_each_module_runs_once_with_names_of_its_own(room, browser_page):
    name = room(
        deep="const hidden = 1;\nexport let calls = 0;\nexport function two() { return 2 * hidden; }\n",
        left='import { two } from "./deep.js";\nconst hidden = 3;\nexport const left = two() + hidden;\n',
        top='import { two as deux } from "./deep.js";\nimport { left } from "./left.js";\n'
        "globalThis.sum = deux() + left;\n",
    )
    script = bundle("top.js", room=name)
    assert script.count("const hidden = 1") == 1
    browser_page.add_script_tag(content=script)
    assert browser_page.evaluate("sum") == 7


def test_names_are_passed_on(room, browser_page):
    name = room(
        one="export function two() { return 2; }\n",
        index='export { two, two as zwei } from "./one.js";\n',
        user='import { two, zwei } from "./index.js";\nglobalThis.product = two() * zwei();\n',
    )
    browser_page.add_script_tag(content=bundle("user.js", room=name))
    assert browser_page.evaluate("product") == 4


def test_a_circle_and_an_unknown_name_are_refused(room):
    name = room(
        a='import { b } from "./b.js";\nexport const a = 1;\n',
        b='import { a } from "./a.js";\nexport const b = 1;\n',
        c='import { nothing } from "./d.js";\n',
        d="export const d = 1;\n",
    )
    with pytest.raises(ValueError, match=r"a\.js → b\.js → a\.js"):
        bundle("a.js", room=name)
    with pytest.raises(ValueError, match=r"c\.js imports nothing, which d\.js does not export"):
        bundle("c.js", room=name)
