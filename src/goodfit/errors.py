"""What goodfit raises when something that it was given cannot work.

    GoodfitError
    ├── TaskError      the task's file, model, loss, metrics or objective (also a ValueError)
    ├── DataError      the data: shapes, labels, NaN, empty splits (also a ValueError)
    ├── SpaceError     scales, ranges, names of hyperparameters (also a ValueError)
    ├── CurvesError    a file of recorded curves that cannot be read (also a ValueError)
    ├── SettingsError  a setting's name or value (also a ValueError)
    ├── DeviceError    a device that is unknown or absent
    ├── FolderError    a run's folder that cannot be read or written (also an OSError)
    ├── TestSetLocked  the test set was asked for before the final step
    └── TrainingError  training cannot go on, for a reason in the user's code

Every message is one sentence a person can act on: what was wrong, where, what to do. The command line prints
it on standard error and ends with status 2.
"""


class GoodfitError(Exception):
    """The base of everything that goodfit raises on purpose."""


class TaskError(GoodfitError, ValueError):
    """The task's file, model, loss, metrics or objective cannot be used."""


class DataError(GoodfitError, ValueError):
    """The data cannot be used."""


class SpaceError(GoodfitError, ValueError):
    """A scale, a range or a hyperparameter's name cannot be used."""


class CurvesError(GoodfitError, ValueError):
    """Recorded curves cannot be read."""


class SettingsError(GoodfitError, ValueError):
    """A setting's name or value cannot be used."""


class DeviceError(GoodfitError):
    """The device asked for is unknown or not present."""


class FolderError(GoodfitError, OSError):
    """A run's folder cannot be read, written, or already holds a run."""


class TestSetLocked(GoodfitError):  # noqa: N818  (says what is the case, as KeyboardInterrupt does)
    """The test set was asked for before the final step."""

    __test__ = False  # pytest would collect the name


class TrainingError(GoodfitError):
    """Training cannot go on, for a reason that lies in the user's code."""
