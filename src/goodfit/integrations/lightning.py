"""The doctor as a callback of Lightning's trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from goodfit.findings import Finding
from goodfit.integrations.watched_training import WatchedTraining
from goodfit.settings import Settings

try:
    from lightning.pytorch import Callback
except ModuleNotFoundError:
    raise ModuleNotFoundError(
        "goodfit.integrations.lightning needs Lightning: pip install 'goodfit[lightning]'."
    ) from None


class DoctorCallback(Callback):
    """Watches `Trainer.fit` and says at its end what is wrong with the training, or that it is healthy.

        doctor = DoctorCallback()
        Trainer(max_epochs=10, callbacks=[doctor]).fit(module, loader)
        doctor.findings[0].kind

    The training is bit for bit that without it. Of several processes the first is watched.

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
        super().__init__()
        self._training = WatchedTraining(html=html, extra_seconds=extra_seconds, settings=settings, quiet=quiet)

    @property
    def findings(self) -> list[Finding]:
        """The findings, most important first."""
        return self._training.findings

    def report(self) -> str:
        """The findings as text for a terminal."""
        return self._training.report()

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Before the optimisers are built, so that the line that builds them is seen."""
        if stage == "fit" and trainer.is_global_zero:
            self._training.begin(pl_module)

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        """The training's end."""
        self._training.end()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """What was seen until an error or an interruption is told."""
        self._training.end()
