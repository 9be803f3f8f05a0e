"""The errors that are the user's to mend. `cli.main` turns each into one message and an exit code.

Programming mistakes stay ValueError and TypeError: they are ours, and they deserve a traceback.
"""


class MNISTError(Exception):
    """Something failed while running; the message says where, what was found and what to do."""

    exit_code = 1


class UsageError(MNISTError):
    """The command line, a name or a model file is wrong; nothing was begun."""

    exit_code = 2


class DataError(MNISTError):
    """A data file is missing, damaged or not what it claims to be."""


class DownloadError(MNISTError):
    """No mirror could give a file."""


class TrainingError(MNISTError):
    """A training run cannot begin, go on or be trusted."""


class DivergedError(TrainingError):
    """The numbers of a run are no longer finite; training it again would end in the same way."""


class ModelError(MNISTError):
    """A saved model is missing, damaged, hostile or not what its record says."""


class StoreError(MNISTError):
    """The store of trials is damaged or of another version."""
