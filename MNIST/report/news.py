"""What stands at the top of a live page: how far the work is, and how old the page is."""

from collections.abc import Sequence
from dataclasses import dataclass

LONGEST_WAIT = 15.0  # seconds until a page is loaded again: the end is written at once, whatever the pace was
SILENT = 60  # seconds without a new page, after which it says that the process may have ended


@dataclass(frozen=True)
class News:
    """The state of a piece of work, when a page about it is written.

    state: "runs"; or "over", "stopped" or "failed", and then the page does not load itself again.
    headline: one short sentence. sentences: what else there is to say.
    done: the part that is done, from 0 to 1; None shows no bar.
    command: the words that started it and go on with it; without any, Python started it.
    written: when this was so, in seconds since 1970. interval: seconds until the page is written again.
    """

    state: str
    headline: str
    sentences: Sequence[str]
    done: float | None
    command: str
    written: float
    interval: float

    @property
    def runs(self) -> bool:
        return self.state == "runs"

    def title(self, name: str) -> str:
        """The page's title, which a browser shows on its tab. name: what is trained or explored."""
        return f"{self.done:.0%} · {name}" if self.runs and self.done is not None else name

    @property
    def wait(self) -> float:
        """Seconds until the page should be loaded again."""
        return min(self.interval, LONGEST_WAIT)

    @property
    def silent(self) -> float:
        """Seconds without a new page, after which the process may have ended."""
        return max(SILENT, 5 * self.interval)
