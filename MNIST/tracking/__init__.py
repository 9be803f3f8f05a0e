"""Tracking: TensorBoard or Weights & Biases shows each epoch of a run, while it trains and afterwards.

tracker.py       what a tracker is told, and when
tracking.py      several trackers of one run; if one fails, training goes on
event_files.py   TensorBoard's files
wandb_run.py     a run of Weights & Biases
"""

from MNIST.tracking.tracker import Confusion, TrackedRun, Tracker
from MNIST.tracking.tracking import TRACKERS, Tracking, refuse_missing

__all__ = ["TRACKERS", "Confusion", "TrackedRun", "Tracker", "Tracking", "refuse_missing"]
