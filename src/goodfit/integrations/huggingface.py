"""The doctor as a callback of Hugging Face's `Trainer`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from goodfit.findings import Finding
from goodfit.integrations.watched_training import WatchedTraining
from goodfit.settings import Settings

try:
    from transformers import TrainerCallback
except ModuleNotFoundError:
    raise ModuleNotFoundError(
        "goodfit.integrations.huggingface needs transformers: pip install 'goodfit[huggingface]'."
    ) from None


class DoctorCallback(TrainerCallback):
    """Watches `Trainer.train` and says at its end what is wrong with the training, or that it is healthy.

        doctor = DoctorCallback()
        Trainer(model, arguments, train_dataset=..., callbacks=[doctor]).train()
        doctor.findings[0].kind

    The training is bit for bit that without it. Of several processes the first is watched. After an error nothing is
    told by itself: ask `report()`.

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
        self._training = WatchedTraining(html=html, extra_seconds=extra_seconds, settings=settings, quiet=quiet)

    @property
    def findings(self) -> list[Finding]:
        """The findings, most important first."""
        return self._training.findings

    def report(self) -> str:
        """The findings as text for a terminal."""
        return self._training.report()

    def on_train_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """The optimiser is there already, wrapped by accelerate: its own one is what steps."""
        if state.is_world_process_zero:
            optimizer = given.get("optimizer")
            self._training.begin(given.get("model"), getattr(optimizer, "optimizer", optimizer))

    def on_train_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """The training's end."""
        self._training.end()
