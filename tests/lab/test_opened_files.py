"""Which networks a page opens, and what it says of them; what is too large is not read."""

import base64

import pytest
from saved_networks import DIGEST, Student, open_saving

from MNIST.data import About

SCRIPT = """async ([content, about, size]) => {
  let read = 0;
  const bytes = decode(content);
  const file = {
    name: "my_net.zip",
    size: size ?? bytes.length,
    slice: (begin, end) => new Blob([bytes.slice(begin, end)]),
    arrayBuffer: async () => { read += 1; return bytes.buffer; },
  };
  const networks = [];
  const state = { get: () => networks, set: ({ networks: all }) => networks.push(...all) };
  try { return [await openFile(file, { state, about, write: () => {} }), networks.length, read]; }
  catch (error) { return [error.message, networks.length, read]; }
}"""


@pytest.fixture(scope="module")
def opened(modules):
    """A function that opens a student's file in a page of a dataset: what is said, networks, reads."""
    page = open_saving(modules, "lab/files.js")

    def open_file(student, about, digest=DIGEST, size=None):
        content = base64.b64encode(student.packed()).decode()
        return page.evaluate(SCRIPT, [content, Student(about=about, digest=digest).trained()["about"], size])

    return open_file


@pytest.mark.parametrize(
    ("about", "digest", "said"),
    [
        (About("mnist"), DIGEST, ""),
        (About("mnist"), "f" * 64, ". It learned from other images, not from mnist"),
        (About("digits"), "f" * 64, ". It learned from mnist, not from digits"),
    ],
)
def test_a_network_of_another_dataset_is_opened_and_it_is_said(about, digest, said, opened):
    assert opened(Student(), about, digest) == [f"my_net is opened: its text and its weights{said}", 1, 1]


@pytest.mark.parametrize(
    ("about", "said"),
    [
        (About("ten", tuple("abcdefghij")), "other classes than those of this page's dataset, ten"),
        (About("ink", ink="dark"), "bright ink on dark paper, and this page's dataset, ink, has dark ink on"),
        (About("form", form="whole"), "as digits, and this page's dataset, form, has whole pictures"),
    ],
)
def test_a_network_of_other_images_is_refused(about, said, opened):
    message, networks, _ = opened(Student(), about)
    assert said in message
    assert networks == 0


def test_a_file_that_is_too_large_is_not_read(opened):
    message = "my_net.zip is larger than any network that a laboratory saves"
    assert opened(Student(), About("mnist"), size=2**31) == [message, 0, 0]


def test_a_file_that_is_refused_is_named(opened):
    damaged = Student()
    damaged.packed = lambda: Student().packed()[:-1]
    message, networks, _ = opened(damaged, About("mnist"))
    assert message.startswith("my_net.zip: ")
    assert networks == 0
