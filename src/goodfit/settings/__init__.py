"""Every number that goodfit decides by, with its name and its origin.

A setting marked [PD] in the recipe is a project default: a starting value of ours, not a source's. Each stands in
the group of the stage that reads it, one group a file; `docs/settings.md` lists them all (a test compares).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from goodfit.errors import SettingsError
from goodfit.settings.base import Origin, setting
from goodfit.settings.budget import BudgetSettings
from goodfit.settings.curves import CurveSettings
from goodfit.settings.data import DataSettings
from goodfit.settings.doctor import DoctorSettings
from goodfit.settings.halving import HalvingSettings
from goodfit.settings.initial_loss import InitialLossSettings
from goodfit.settings.learning_rate import LearningRateSettings
from goodfit.settings.overfit import OverfitSettings
from goodfit.settings.rounds import RoundSettings
from goodfit.settings.search import SearchSettings

__all__ = ["Origin", "Settings", "setting"]


@dataclasses.dataclass(frozen=True)
class Settings:
    """All settings, a group per stage; `Settings().replaced({"overfit.steps": 500})` changes one."""

    data: DataSettings = dataclasses.field(default_factory=DataSettings)
    initial_loss: InitialLossSettings = dataclasses.field(default_factory=InitialLossSettings)
    overfit: OverfitSettings = dataclasses.field(default_factory=OverfitSettings)
    learning_rate: LearningRateSettings = dataclasses.field(default_factory=LearningRateSettings)
    search: SearchSettings = dataclasses.field(default_factory=SearchSettings)
    rounds: RoundSettings = dataclasses.field(default_factory=RoundSettings)
    halving: HalvingSettings = dataclasses.field(default_factory=HalvingSettings)
    curves: CurveSettings = dataclasses.field(default_factory=CurveSettings)
    budget: BudgetSettings = dataclasses.field(default_factory=BudgetSettings)
    doctor: DoctorSettings = dataclasses.field(default_factory=DoctorSettings)

    def replaced(self, changes: Mapping[str, Any]) -> Settings:
        """These settings with some changed.

        Args:
            changes: values by dotted name, such as {"overfit.steps": 500}.

        Raises:
            SettingsError: a name is unknown or a value is not of the setting's type.
        """
        import difflib

        known = {name for name, _, _ in self.listed()}
        groups: dict[str, dict[str, Any]] = {}
        for name, value in changes.items():
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f" Did you mean {near[0]}?" if near else ""
                raise SettingsError(f"There is no setting named {name!r}.{hint} See docs/settings.md.")
            group, _, field = name.partition(".")
            current = getattr(getattr(self, group), field)
            groups.setdefault(group, {})[field] = _as_type_of(name, current, value)
        return dataclasses.replace(
            self,
            **{group: dataclasses.replace(getattr(self, group), **fields) for group, fields in groups.items()},
        )

    def listed(self) -> Iterator[tuple[str, Any, Origin]]:
        """Dotted name, value and origin of every setting, in order."""
        for group in dataclasses.fields(self):
            values = getattr(self, group.name)
            for field in dataclasses.fields(values):
                yield f"{group.name}.{field.name}", getattr(values, field.name), field.metadata["origin"]


def _as_type_of(name: str, current: object, value: object) -> object:
    """The value as the type of the current one: a command line gives text."""
    if isinstance(current, bool):
        if isinstance(value, bool):
            return value
        if str(value).lower() in ("true", "false"):
            return str(value).lower() == "true"
        raise SettingsError(f"{name} is true or false, got {value!r}.")
    if isinstance(current, (int, float)):
        try:
            return type(current)(value)  # ty: ignore[invalid-argument-type]
        except (TypeError, ValueError):
            raise SettingsError(f"{name} is a {type(current).__name__}, got {value!r}.") from None
    if isinstance(current, tuple):
        parts = value.split(",") if isinstance(value, str) else value
        try:
            return tuple(float(part) for part in parts)  # ty: ignore[not-iterable]
        except (TypeError, ValueError):
            raise SettingsError(f"{name} is a list of numbers such as 1e-3,1e-2, got {value!r}.") from None
    return value
