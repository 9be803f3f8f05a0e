"""Which networks the page offers to train further, and what it keeps of a training that fails."""

import pytest

from MNIST.data import load
from MNIST.lab import LabModel, lab_page

TEXT = "Layers:\nFlatten\nDense,10,softmax\nOptimizer:\nSGD,0.05\nepochs=2\nbatch=50\n"


@pytest.fixture
def lab(digits_folder, tmp_path, browser_page):
    """A laboratory with scikit-learn's digits, open; after the test nothing has failed."""
    path = tmp_path / "lab.html"
    path.write_text(lab_page(load(digits_folder), [LabModel("first", TEXT)]), encoding="utf-8")
    browser_page.goto(path.as_uri())
    return browser_page


def test_go_on_is_offered_where_it_adds_to_the_run_and_a_failure_keeps_its_epochs(lab):
    from playwright.sync_api import expect

    state, go_on = lab.locator('[data-test="state"]'), lab.locator("#go-on")

    def train(text, becomes="finished"):
        lab.get_by_role("textbox", name="Model text").fill(text)
        lab.get_by_role("button", name="Train", exact=True).click()
        expect(state).to_have_text(becomes)

    train(TEXT)
    expect(go_on).to_be_visible()
    train(f"{TEXT}Schedule:\nCosine\n")
    expect(go_on).to_be_hidden()
    train(f"{TEXT}Stop:\naccuracy=0.01\n")
    expect(go_on).to_be_hidden()
    diverging = TEXT.replace("Dense,10", "Dense,16,linear\nDense,10").replace("batch=50", "batch=2000")
    train(f"{diverging}Schedule:\nOneCycle,1e30,warmup=0.9\n", "failed")
    expect(lab.locator("#message")).to_contain_text("Kept: first_4, as it was after 1 epoch")
    expect(lab.locator("#panel-networks")).to_contain_text("first_4")
