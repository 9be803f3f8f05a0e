"""How a training in the browser begins with a trained network: beside identity.py and start.py."""

import numpy as np
import pytest

from MNIST.browser.table import language_table
from MNIST.errors import UsageError
from MNIST.language import lay_out, parse_spec
from MNIST.training import RunSettings
from MNIST.training.identity import run_identity
from MNIST.training.start import refuse_other_layers, weight_shapes

TEXT = (
    "Layers:\nConv,4,3,3,relu\nFlatten\nDense,10,softmax\nOptimizer:\nAdam,0.01\nepochs={epochs}\nbatch=25\n"
)
SETTINGS = RunSettings("data", None, 0.9, 0, "numpy", "cpu", "float32", 1)


@pytest.fixture(scope="module")
def page(modules):
    page = modules("browser/language/language.js", "browser/training/start.js")
    page.evaluate("table => setLanguage(table)", language_table())
    page.evaluate(
        """() => Object.assign(globalThis, {
          trainedOf: (text, epochs, changes = {}) => ({
            spec: parseSpec(text), state: {}, seed: 0, split: 0.9, images: null,
            history: Array.from({ length: epochs }, (_, place) =>
              ({ epoch: place + 1, valLoss: 1 + place, valAccuracy: 0.5 })), ...changes }),
          networkOf: (text) => layOut(parseSpec(text)),
        })"""
    )
    return page


def goes_on(page, before, after, epochs, changes=None):
    """Whether a training of `after` goes on where one of `before` had come after so many epochs."""
    return page.evaluate(
        """([before, after, epochs, changes]) => goesOn(trainedOf(before, epochs, changes), parseSpec(after),
             { seed: 0, split: 0.9, images: null })""",
        [before, after, epochs, changes or {}],
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        ("Schedule:\nStep,2,0.3", "Schedule:\nStep,2,0.3"),
        ("Schedule:\nCosine", "Schedule:\nCosine"),
        ("Schedule:\nOneCycle,0.02", "Schedule:\nOneCycle,0.02"),
        ("Schedule:\nStep,2,1", ""),
        ("Stop:\npatience=2", ""),
        ("Augment:\nRotate,0", ""),
    ],
)
@pytest.mark.parametrize("epochs", [5, 8])
def test_a_run_goes_on_if_it_has_the_identity_that_python_gives(page, before, after, epochs):
    texts = TEXT.format(epochs=5) + before, TEXT.format(epochs=epochs) + after
    first, second = (run_identity(parse_spec(text), SETTINGS) for text in texts)
    assert goes_on(page, *texts, 3) == (first == second)


def test_a_run_goes_on_only_with_its_settings_and_if_it_is_not_longer(page):
    text = TEXT.format(epochs=5)
    for epochs, expected in (0, True), (5, True), (6, False):
        assert goes_on(page, text, text, epochs) == expected
    for changes in {"seed": 1}, {"split": 0.8}, {"images": 100}, {"state": None}:
        assert not goes_on(page, text, text, 3, changes)
    assert not goes_on(page, text, text.replace("0.01", "0.02"), 3)


@pytest.mark.parametrize(
    ("section", "epochs", "expected"),
    [
        ("", 5, True),
        ("Schedule:\nStep,2,0.3", 5, True),
        ("Schedule:\nCosine", 4, True),  # it was stopped
        ("Schedule:\nCosine", 5, False),
        ("Schedule:\nOneCycle,0.02", 5, False),
        ("Stop:\npatience=2", 2, True),
        ("Stop:\npatience=2", 3, False),
        ("Stop:\naccuracy=0.5", 1, False),
    ],
)
def test_epochs_are_added_only_where_they_belong_to_the_run(page, section, epochs, expected):
    script = "([text, epochs, changes]) => canGoOn(trainedOf(text, epochs, changes))"
    text = TEXT.format(epochs=5) + section
    assert page.evaluate(script, [text, epochs, {}]) == expected
    assert not page.evaluate(script, [text, epochs, {"state": None}])


def test_weights_are_named_and_moved_as_in_python(page):
    text = TEXT.format(epochs=5)
    shapes = weight_shapes(lay_out(parse_spec(text)))
    of = "text => weightsOf(networkOf(text)).map(({ key, shape }) => [key, shape])"
    assert page.evaluate(of, text) == [[key, list(shape)] for key, shape in shapes.items()]
    moved = """([before, after]) => {
      const network = networkOf(before);
      const weights = Object.fromEntries(weightsOf(network).map(({ key }) => [key, key]));
      try { return weightsFrom({ name: "before", network, weights }, networkOf(after)); }
      catch (error) { return error.message; }
    }"""
    dropout = text.replace("Flatten\n", "Dropout,0.5\nFlatten\n")
    expected = dict(zip(weight_shapes(lay_out(parse_spec(dropout))), shapes, strict=True))
    assert "dense_4/kernel" in expected
    assert page.evaluate(moved, [text, dropout]) == expected
    weights = {key: np.zeros(shape) for key, shape in shapes.items()}
    for other in (
        text.replace("Conv,4,3,3", "Conv,5,3,3"),
        text.replace("Dense,10", "Dense,12,relu\nDense,10"),
        text.replace("Conv,4,3,3,relu\n", ""),
    ):
        with pytest.raises(UsageError) as raised:
            refuse_other_layers("before", weights, lay_out(parse_spec(other)))
        assert page.evaluate(moved, [text, other]) == str(raised.value)
