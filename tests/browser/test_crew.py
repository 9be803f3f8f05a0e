"""The page's side of its workers: how many, whom it asks, the order of answers, what errors say."""

import pytest

SCRIPT = """
let workers = 0;
const answer = (id, rank, value) => postMessage({ id, rank, value });
onmessage = ({ data }) => {
  const { id, what, to } = data;
  if (what === "begin") ({ workers } = data);
  if (what === "fail") postMessage({ failed: "gone" });
  else if (what === "refuse") postMessage({ id, error: { kind: "Error", message: "refused" } });
  else if (what === "silence") return;
  else if (to !== null) answer(id, to, `${what} ${to}`);
  else for (let rank = workers - 1; rank >= 0; rank--) answer(id, rank, `${what} ${rank}`);
};
"""


@pytest.fixture(scope="module")
def page(modules):
    return modules(*(f"browser/training/{name}.js" for name in ("crew", "errors", "capacity")))


def test_answers_come_in_the_order_of_the_workers_and_an_error_is_of_its_question_alone(page):
    found = page.evaluate(
        """async (script) => {
          const crew = new Crew(script, 4, {}, () => {});
          const said = (promise) => promise.catch((error) => error.message);
          const waiting = said(crew.ask(1, "silence"));
          const answers = [await crew.askAll("all"), await crew.ask(2, "one")];
          answers.push(await said(crew.askAll("refuse")), await crew.askAll("again"));
          answers.push(await said(crew.ask(0, "fail")));
          return [...answers, await waiting, await said(crew.ask(0, "later"))];
        }""",
        SCRIPT,
    )
    everyone = [[f"{what} {rank}" for rank in range(4)] for what in ("all", "again")]
    assert found == [everyone[0], "one 2", "refused", everyone[1], "gone", "gone", "gone"]


@pytest.mark.parametrize(
    ("kind", "message", "expected"),
    [
        ("RangeError", "Array buffer allocation failed", "TooLarge"),
        ("RangeError", "WebAssembly.Memory.grow(): Unable to grow instance memory", "TooLarge"),
        ("RangeError", "WebAssembly.Memory(): could not allocate memory", "TooLarge"),
        ("RangeError", "failed to grow memory", "TooLarge"),
        ("InternalError", "allocation size overflow", "TooLarge"),
        ("String", "out of memory", "TooLarge"),
        ("RangeError", "Maximum call stack size exceeded", "Error"),
        ("RangeError", "offset is out of bounds", "Error"),
        ("RangeError", "Invalid array length", "Error"),
        ("TooLarge", "the network is too large", "TooLarge"),
        ("Diverged", "diverged at epoch 1", "Diverged"),
    ],
)
def test_only_what_browsers_say_of_memory_is_called_out_of_memory(page, kind, message, expected):
    script = (
        "(error) => { const { constructor, message } = received(error); return [constructor.name, message]; }"
    )
    found = page.evaluate(script, {"kind": kind, "message": message})
    plain = expected != "TooLarge" or kind == expected
    assert found == [expected, message if plain else f"this tab is out of memory: {message}"]


def test_what_is_thrown_without_being_an_error_is_said_too(page):
    assert (
        page.evaluate("received(sent('out of memory')).message") == "this tab is out of memory: out of memory"
    )
    assert page.evaluate("sent(new RangeError('x'))") == {"kind": "RangeError", "message": "x"}


def test_as_many_workers_are_taken_as_memory_has_room_for(page):
    assert page.evaluate("[fewer(8), fewer(1)]") == [[8, 4, 2, 1], [1]]
    assert page.evaluate("[memoryOfTab({}), memoryOfTab({ deviceMemory: 0.5 })]") == [2**32, 2**29]
    script = """([sizes, data, most]) => {
      try { return workersThatFit(sizes.map(([workers, bytes]) => ({ workers, bytes })), data, most); }
      catch (error) { return error.message; }
    }"""
    gib = 2**30
    sizes = [[4, gib], [2, 1.5 * gib], [1, 2 * gib]]
    for most, workers in (4.6, 4), (4.4, 2), (3.4, 2), (3.2, 1), (2.3, 1):
        assert page.evaluate(script, [sizes, gib / 10, most * gib]) == workers
    said = "the network is too large for a browser: with its batches it needs {} of memory{}; "
    said += "take fewer filters or units, or a smaller batch"
    found = page.evaluate(script, [sizes, gib / 10, 2 * gib])
    assert found == said.format("2.2 GiB", ", and there are 2.0 GiB")
    assert page.evaluate(script, [[[2, 3 * gib], [1, 5 * gib]], 0, 6 * gib]) == 2  # one memory has 4 GiB
    assert page.evaluate(script, [[[1, 5 * gib]], 0, 8 * gib]) == said.format("5.0 GiB", "")
