"""The display: what it shows before, during and after the training; in a log it prints only now and then."""

import pytest
from stub_exploration import GRID, TEMPLATE, StubWorkers, ignore, service_of
from test_forecast import forecast_of

from MNIST.errors import DivergedError
from MNIST.explore import explore
from MNIST.explore import progress as module
from MNIST.explore.exploration import Silent
from MNIST.explore.progress import progress
from MNIST.explore.store import open_store
from MNIST.language import parse_template
from MNIST.paths import exploration_folder


@pytest.fixture
def store(tmp_path):
    with open_store(tmp_path / "trials.sqlite") as store:
        yield store


def board_of(service):
    return module.Board(service, forecast_of(service))


def line(board) -> str:
    return board.summary(board.forecast.look())


def answer_all(service, board, look=ignore):
    service.expect(service.plan.points)

    def note(event):
        if event is not None:
            board.note(event)
        look()

    for point in service.plan.points:
        service.answer(point, note)


def test_the_line_counts_runs_and_epochs_and_knows_the_best(store, tmp_path):
    service = service_of(store, tmp_path)
    board = board_of(service)
    assert line(board) == "0/6 trainings · 0/18 epochs"
    answer_all(service, board)
    best = max(
        epoch.val_accuracy
        for history in service.readings.histories.values()
        for epoch in (history[0], history[2])
    )
    assert line(board) == f"6/6 trainings · 18/18 epochs · best {best:.2%}"
    assert line(board_of(service)) == line(board)  # the line is the same if all epochs are known from before


def test_an_epoch_that_no_point_asks_for_is_not_the_best(store, tmp_path):
    """The grid asks for 1 and 3 epochs. The second epoch is better than the first, but no point's answer."""
    service = service_of(store, tmp_path, epochs=[1, 3])
    board = board_of(service)
    identity = service.plan.points[0].identities[0]
    answer_all(service, board)
    service.readings.histories = {
        identity: history[:2] for identity, history in service.readings.histories.items()
    }
    first = max(history[0].val_accuracy for history in service.readings.histories.values())
    assert f"best {first:.2%}" in line(board_of(service))
    assert service.readings.histories[identity][1].val_accuracy > first


def test_trials_under_way_have_a_line_each_with_what_tells_them_apart(store, tmp_path):
    service = service_of(store, tmp_path, StubWorkers(tmp_path / "checkpoints", 2))
    board = board_of(service)
    seen = []
    answer_all(service, board, lambda: seen.append(board.running()))
    assert ["  epoch 2/3  conv 2, opt Adam", "  epoch 2/3  conv 2, opt RMSprop, mom 0.25"] in seen
    assert all("epochs" not in line for lines in seen for line in lines)


def test_failures_are_counted(store, tmp_path):
    def diverge(trial, epoch):
        raise DivergedError("diverged at epoch 1")

    service = service_of(store, tmp_path, StubWorkers(tmp_path / "checkpoints", before=diverge))
    board = board_of(service)
    answer_all(service, board)
    assert line(board) == "6/6 trainings · 18/18 epochs · 6 failed"


def test_a_log_gets_a_line_now_and_then(store, tmp_path, capsys, monkeypatch):
    service = service_of(store, tmp_path)
    forecast = forecast_of(service)
    with progress(service, forecast) as show:
        for point in service.plan.points:
            service.answer(point, show)
    assert len(capsys.readouterr().out.splitlines()) == 1
    monkeypatch.setattr(module, "LOG_INTERVAL", 0)
    monkeypatch.setattr(module, "PART", 0)
    with progress(service, forecast) as show:
        for _ in range(3):
            show(None)
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_what_is_counted_has_a_line_at_first_and_then_now_and_then(capsys, monkeypatch):
    with module.counting(3, "shapes timed") as count:
        for _ in range(3):
            count()
    assert capsys.readouterr().out == "0/3 shapes timed\n"
    monkeypatch.setattr(module, "LOG_INTERVAL", 0)
    monkeypatch.setattr(module, "PART", 0)
    with module.counting(2, "shapes timed") as count:
        count()
        count()
    first, second, last = capsys.readouterr().out.splitlines()
    assert second.startswith("1/2 shapes timed · about 1 s left")
    assert (first, last) == ("0/2 shapes timed", "2/2 shapes timed")


def test_ctrl_c_before_anything_is_trained_leaves_an_earlier_page(digits_folder, tmp_path, monkeypatch):
    class Announced(Silent):
        def running(self, search, service, forecast):
            raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    page = exploration_folder("scan1") / "live.html"
    page.parent.mkdir(parents=True)
    page.write_text("the report of an earlier exploration")
    template = parse_template(TEMPLATE)
    with pytest.raises(KeyboardInterrupt):
        explore(
            digits_folder, template=template, values=GRID, name="scan1", engine="numpy", watcher=Announced()
        )
    assert page.read_text() == "the report of an earlier exploration"
