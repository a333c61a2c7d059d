"""The static report: one self-contained HTML file, made from a snapshot of the ledger alone."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goodfit.errors import FolderError
from goodfit.findings import plain
from goodfit.ledger.records import Snapshot, TrialRecord
from goodfit.report.evidence import as_node
from goodfit.report.figures.bracket import ladder, traces
from goodfit.report.figures.colouring import colourings
from goodfit.report.figures.grid_against import grid_against_trials
from goodfit.report.figures.isolation import isolation
from goodfit.report.figures.overlay import overlay
from goodfit.report.figures.search_views import against, axis_plot, best_so_far
from goodfit.report.figures.svg import Figure
from goodfit.report.figures.trial_panels import loss_panel, metric_panel
from goodfit.report.figures.tuning_curve import tuning_curve
from goodfit.report.figures.update_ratios import PREFIX, update_ratios
from goodfit.report.headline import sentence, status_of, tiles
from goodfit.report.numbers import number, without_passwords
from goodfit.report.rail import Told, alike, decisions, findings, steps
from goodfit.report.reading import Reading, read
from goodfit.report.trial_table import trial_table

if TYPE_CHECKING:
    import jinja2

TOP_TRIALS = 4  # shown with panels of their own, besides those that a finding is about
PANELS = 10  # trials with panels at most
FACETS = 4  # optimizers with a drawing of their own at most


@dataclasses.dataclass(frozen=True, slots=True)
class TrialView:
    """A trial with panels of its own."""

    trial: int
    title: str
    verdicts: tuple[Told, ...]
    settings: tuple[tuple[str, str], ...]
    is_best: bool
    figures: tuple[Figure, ...]


def write_report(snapshot: Snapshot, path: str | Path) -> Path:
    """Write the report of a study, ended or not, to `path`.

    Raises:
        FolderError: the file cannot be written.
    """
    path = Path(path)
    text = render(snapshot)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise FolderError(f"The report cannot be written to {path}: {error.strerror or error}.") from error
    return path


def render(snapshot: Snapshot) -> str:
    """The report as HTML; the same text for the same snapshot."""
    reading = read(snapshot)
    study = snapshot.study
    told = findings(reading)
    colours = colourings(reading)
    first = colours[0] if colours else None
    losses = [("val_loss", "validation loss"), ("train_loss", "training loss"), ("step_loss", "minibatch loss")]
    views = [(words, figure) for series, words in losses if (figure := overlay(reading, series, words, first))]
    ratios = _ratios(reading)
    context = {
        "reading": reading,
        "study": study,
        "task": study.task,
        "command": without_passwords(study.command),
        "status": status_of(reading),
        "sentence": sentence(reading),
        "tiles": tiles(reading),
        "best": _best_settings(reading),
        "steps": steps(reading),
        "findings": told,
        "loud": alike([finding for finding in told if finding.severity != "info"]),
        "quiet": alike([finding for finding in told if finding.severity == "info"]),
        "overlays": views,
        "colours": colours,
        "trial_views": _trial_views(reading, told),
        "bracket": _bracket(reading),
        "overfit": traces(reading, reading.trials_of("overfit"), "overfit", "A tiny sample, learned by heart"),
        "pairs": _pairs(reading),
        "axes": [figure for name in reading.tuned if (figure := axis_plot(reading, name))],
        "best_so_far": best_so_far(reading),
        "isolation": [figure for name in reading.tuned if (figure := isolation(reading, name))],
        "grid_against": grid_against_trials(reading),
        "tuning_curve": tuning_curve(reading),
        "ratios": ratios,
        "decisions": decisions(reading),
        "table": trial_table(reading),
        "settings": as_node(plain(study.settings)),
        "options": as_node(_clean(plain(study.options))),
        "versions": as_node(plain(study.versions)),
        "source": without_passwords(study.source),
        "data": {
            "trials": {str(trial.trial): _card(reading, trial) for trial in snapshot.trials},
            "colours": [colouring.as_json() for colouring in colours],
        },
    }
    return _template().render(context)


@functools.cache
def _template() -> jinja2.Template:
    import jinja2  # wanted at a run's end, and not to be waited for at its start

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("goodfit.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = number
    return environment.get_template("report.html")


def _bracket(reading: Reading) -> list[Figure]:
    stages = [stage for stage in reading.snapshot.stages if stage.stage == "learning-rate"]
    figures = []
    for stage in stages[-1:]:
        trials = tuple(trial for trial in reading.snapshot.trials if trial.stage == stage.number)
        figures += [ladder(stage), traces(reading, trials, "bracket", "The minibatch loss at each rate")]
    return [figure for figure in figures if figure is not None]


def _pairs(reading: Reading) -> list[Figure]:
    """lr against weight decay, for each optimizer where there are several; without weight decay the next pair."""
    numeric = [n for n in reading.tuned if all(_is_number(t.hyperparameters.get(n, 0)) for t in reading.searched)]
    pair = numeric[:2]
    if len(pair) < 2:
        return []
    optimizers = sorted({str(o) for t in reading.searched if (o := t.hyperparameters.get("optimizer")) is not None})
    facets = optimizers[:FACETS] if len(optimizers) > 1 else [None]
    return [figure for optimizer in facets if (figure := against(reading, pair[0], pair[1], optimizer))]


def _ratios(reading: Reading) -> Figure | None:
    """Of the best trial; where it has none, of the next that has."""
    curves = reading.snapshot.curves
    order = [*([reading.best] if reading.best else []), *reading.feasible, *reading.snapshot.trials]
    for trial in order:
        if any(series.startswith(PREFIX) for series in curves.get(trial.trial, {})):
            return update_ratios(reading, trial)
    return None


def _trial_views(reading: Reading, told: list[Told]) -> list[TrialView]:
    """The best trials, then those that a finding is about."""
    chosen = {trial.trial: trial for trial in ([reading.best] if reading.best else [])}
    for trial in reading.feasible:
        if len(chosen) < TOP_TRIALS:
            chosen.setdefault(trial.trial, trial)
    by_number = {trial.trial: trial for trial in reading.snapshot.trials}
    for finding in told:
        if finding.trial in by_number and len(chosen) < PANELS:
            chosen.setdefault(finding.trial, by_number[finding.trial])
    views = [_trial_view(reading, trial, told) for trial in chosen.values()]
    return [view for view in views if view.figures]


def _trial_view(reading: Reading, trial: TrialRecord, told: list[Told]) -> TrialView:
    verdicts = tuple(finding for finding in told if finding.trial == trial.trial)
    figures = (loss_panel(reading, trial), metric_panel(reading, trial))
    scored = f"{reading.objective} {number(trial.objective)}" if reading.is_feasible(trial) else trial.status
    return TrialView(
        trial=trial.trial,
        title=f"{reading.stage_label(trial.stage)}, {scored}",
        verdicts=verdicts,
        settings=tuple((name, number(value, 3)) for name, value in trial.hyperparameters.items()),
        is_best=trial == reading.best,
        figures=tuple(figure for figure in figures if figure is not None),
    )


def _best_settings(reading: Reading) -> list[tuple[str, str]]:
    chosen = ((reading.result or {}).get("best") or {}).get("hyperparameters")
    values = chosen or (reading.best.hyperparameters if reading.best else {})
    return [(name, number(value)) for name, value in values.items()]


def _card(reading: Reading, trial: TrialRecord) -> dict[str, Any]:
    """What hovering over a trial shows."""
    return {
        "title": f"trial {trial.trial} · {reading.stage_label(trial.stage)} · {trial.status}",
        "value": f"{reading.objective} {number(trial.objective)}",
        "settings": [[name, number(value, 3)] for name, value in trial.hyperparameters.items()],
        "reason": trial.reason,
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _clean(value: Any) -> Any:
    """The value without passwords in its texts."""
    if isinstance(value, dict):
        return {key: _clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    return without_passwords(value) if isinstance(value, str) else value
