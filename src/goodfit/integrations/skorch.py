"""The doctor as a callback of skorch's nets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from goodfit.findings import Finding
from goodfit.integrations.watched_training import WatchedTraining
from goodfit.settings import Settings

try:
    from skorch.callbacks import Callback
except ModuleNotFoundError:
    raise ModuleNotFoundError("goodfit.integrations.skorch needs skorch: pip install 'goodfit[skorch]'.") from None


class DoctorCallback(Callback):
    """Watches `net.fit` and says at its end what is wrong with the training, or that it is healthy.

        doctor = DoctorCallback()
        NeuralNetClassifier(module, callbacks=[doctor]).fit(x, y)
        doctor.findings[0].kind

    The training is bit for bit that without it.

    Args:
        html, extra_seconds, settings, quiet: see `WatchedTraining`.
    """

    def __init__(
        self,
        *,
        html: str | Path | None = None,
        extra_seconds: float = 5.0,
        settings: Settings | None = None,
        quiet: bool = False,
    ) -> None:
        # under their own names: skorch clones callbacks by their arguments, as scikit-learn does
        self.html, self.extra_seconds, self.settings, self.quiet = html, extra_seconds, settings, quiet
        self._training = WatchedTraining(html=html, extra_seconds=extra_seconds, settings=settings, quiet=quiet)

    @property
    def findings(self) -> list[Finding]:
        """The findings, most important first."""
        return self._training.findings

    def report(self) -> str:
        """The findings as text for a terminal."""
        return self._training.report()

    def on_train_begin(self, net: Any, X: Any = None, y: Any = None, **given: Any) -> None:  # noqa: N803  (skorch's names)
        """The optimiser is there already."""
        self._training.begin(net.module_, net.optimizer_)

    def on_train_end(self, net: Any, X: Any = None, y: Any = None, **given: Any) -> None:  # noqa: N803  (as above)
        """The training's end, an interrupted one's, too."""
        self._training.end()
