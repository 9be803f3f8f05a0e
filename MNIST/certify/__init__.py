"""Certificates: from the same weights and images, every engine computes the same step, in float64.

problem.py       what is asked: one network, one batch, all random numbers
participants.py  who is asked: every installed engine, Keras once for each backend
answers.py       one engine's answer
elsewhere.py     the same, computed in a separate process
differences.py   finite differences of the loss, which check the gradients
certificate.py   compares all answers
"""

from MNIST.certify.answers import Answer, answer
from MNIST.certify.certificate import TOLERANCE, Certificate, ParameterRow, certify, compare
from MNIST.certify.differences import TOLERANCE as FINITE_DIFFERENCE_TOLERANCE
from MNIST.certify.participants import Participant, installed
from MNIST.certify.problem import (
    Problem,
    pose,
    refuse_single_numbers,
    refuse_too_large,
    refuse_without_gradients,
)

__all__ = [
    "FINITE_DIFFERENCE_TOLERANCE",
    "TOLERANCE",
    "Answer",
    "Certificate",
    "ParameterRow",
    "Participant",
    "Problem",
    "answer",
    "certify",
    "compare",
    "installed",
    "pose",
    "refuse_single_numbers",
    "refuse_too_large",
    "refuse_without_gradients",
]
