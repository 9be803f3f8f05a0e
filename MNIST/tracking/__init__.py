"""Tracking: each epoch of a run shown in TensorBoard or Weights & Biases, while it trains and afterwards.

tracker.py       what a tracker is told, and when
tracking.py      several of them, none of which can harm the training
event_files.py   TensorBoard's files
wandb_run.py     a run of Weights & Biases
"""

from MNIST.tracking.tracker import TrackedRun, Tracker
from MNIST.tracking.tracking import TRACKERS, Tracking, refuse_missing

__all__ = ["TRACKERS", "TrackedRun", "Tracker", "Tracking", "refuse_missing"]
