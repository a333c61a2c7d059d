"""Step 0: is the data fit to train on? From what was measured of it to a verdict."""

from __future__ import annotations

from collections.abc import Iterator

from goodfit.findings import Finding, Severity
from goodfit.recipe.result import StageName, StageResult, Verdict
from goodfit.settings.data import DataSettings
from goodfit.training.measure.data import DataMeasured

WHERE = "stage data"


def judge_data(measured: DataMeasured, settings: DataSettings) -> StageResult:
    """The data stage's verdict: fail on a leak or on samples that see each other, warn on scales and imbalance.

    `next` has `chance_metric`, `chance_loss` and `linear_metric` where they are known.

    Source: recipe 2.0.
    """
    findings = (
        *_columns(measured, settings),
        *_copies(measured, settings),
        *_mixing(measured, settings),
        *_foresight(measured, settings),
        *_inputs(measured, settings),
        *_targets(measured, settings),
        *_imbalance(measured, settings),
    )
    severities = {finding.severity for finding in findings}
    verdict = (
        Verdict.FAIL
        if Severity.ERROR in severities
        else Verdict.WARN
        if Severity.WARNING in severities
        else Verdict.PASS
    )
    baselines = {baseline.name: baseline for baseline in measured.baselines}
    constant, linear = baselines.get("constant"), baselines.get("linear")
    following: dict[str, float | None] = {}
    if constant is not None:
        following |= {"chance_metric": constant.value, "chance_loss": constant.loss}
    if linear is not None:
        following["linear_metric"] = linear.value
    return StageResult(
        stage=StageName.DATA,
        verdict=verdict,
        summary=_summary(measured, findings),
        findings=findings,
        evidence={
            "train_samples": measured.train_samples,
            "val_samples": measured.val_samples,
            "looked_at": measured.looked_at,
            "target_kind": measured.target_kind,
            "fields": [
                {
                    "name": field.name,
                    "shape": list(field.shape),
                    "dtype": field.dtype,
                    "mean": field.mean,
                    "sd": field.sd,
                    "low": field.low,
                    "high": field.high,
                    "not_finite": field.not_finite,
                    "constant_features": field.constant_features,
                }
                for field in measured.fields
            ],
            "class_counts": list(measured.class_counts),
            "copies": {
                "within_train": measured.copies_within,
                "of_train": measured.hashed_train,
                "conflicting": measured.copies_conflicting,
                "val_in_train": measured.copies_across,
                "of_val": measured.hashed_val,
            },
            "columns": [
                {"column": column.column, "explained": column.explained, "class": column.of_class}
                for column in measured.columns
            ],
            "baselines": [
                {"name": b.name, "metric": b.metric, "value": b.value, "loss": b.loss, "samples": b.samples}
                for b in measured.baselines
            ],
            "mixing": measured.mixing,
            "foresight": measured.foresight,
            "skipped": list(measured.skipped),
        },
        next=following,
    )


def _summary(measured: DataMeasured, findings: tuple[Finding, ...]) -> str:
    inputs = next((field for field in measured.fields if field.name.startswith("inputs")), None)
    shape = "×".join(str(n) for n in inputs.shape) if inputs is not None and inputs.shape else "1"
    classes = f", {len(measured.class_counts)} classes" if measured.class_counts else ""
    said = f"{measured.train_samples} training samples of {shape}{classes}"
    known = {baseline.name: baseline for baseline in measured.baselines}
    if "linear" in known:
        constant, linear = known["constant"], known["linear"]
        metric = "R²" if linear.metric == "R2" else linear.metric
        said += f"; a constant reaches {metric} {constant.value:.3g}, a linear model {linear.value:.3g}"
    loud = [finding.kind for finding in findings if finding.severity is not Severity.INFO]
    return f"{said}; found {', '.join(loud)}." if loud else f"{said}."


def _columns(measured: DataMeasured, settings: DataSettings) -> Iterator[Finding]:
    """An input column that is the target. A column that is merely a very good feature leaves more unexplained."""
    if not measured.columns:
        return
    if all(column.of_class is not None for column in measured.columns):
        names = ", ".join(str(column.column) for column in measured.columns)
        yield Finding(
            kind="data-leakage",
            message=f"The inputs contain the class itself, one column for each class (columns {names}, ...).",
            action="Remove these columns from the inputs, or say where they come from at the time of prediction.",
            evidence={
                "columns": [c.column for c in measured.columns],
                "explained": [c.explained for c in measured.columns],
            },
            where=WHERE,
            confidence=0.95,
        )
        return
    classes = measured.target_kind != "real"
    limit = settings.column_share if classes else settings.column_r2
    what = "between the classes" if classes else "shared with the target"
    for column in measured.columns:
        left, next_left = 1.0 - column.explained, 1.0 - column.next_explained
        if column.explained < limit:
            return
        exact = left <= 1e-6
        if not exact and next_left < settings.column_lead * left:
            # Neighbours know nearly as much: a window on a smooth series, say, whose last value foretells the next.
            return
        yield Finding(
            kind="data-leakage",
            message=(
                f"Input column {column.column} {'is' if exact else 'all but is'} the target: "
                f"{100 * column.explained:.2f} % of its variance is {what}"
                f"{'' if exact else f' (the next best column: {100 * column.next_explained:.1f} %)'}."
            ),
            action=f"Remove column {column.column} from the inputs, or say how it is known before the target is.",
            evidence={
                "column": column.column,
                "explained": column.explained,
                "next_explained": column.next_explained,
                "samples": measured.looked_at,
            },
            where=WHERE,
            confidence=0.98 if exact else 0.9,
        )


def _copies(measured: DataMeasured, settings: DataSettings) -> Iterator[Finding]:
    if measured.copies_across == 0 or measured.hashed_val == 0:
        return
    share = measured.copies_across / measured.hashed_val
    # A random split of data that repeats itself puts copies on both sides at about the rate within the training split.
    by_chance = measured.copies_within / max(measured.hashed_train, 1)
    evidence = {
        "val_in_train": measured.copies_across,
        "of_val": measured.hashed_val,
        "share": share,
        "share_within_train": by_chance,
    }
    many = measured.copies_across >= settings.leak_count and share >= settings.leak_share
    if many and share > settings.leak_excess * by_chance:
        yield Finding(
            kind="data-leakage",
            message=(
                f"{measured.copies_across} of {measured.hashed_val} validation samples ({100 * share:.1f} %) are also "
                "in the training split."
            ),
            action="Split the data once, without overlap, and remove copies before splitting.",
            evidence=evidence,
            where=WHERE,
            confidence=0.95,
        )
        return
    few_values = measured.distinct_columns and measured.distinct_columns <= 10
    yield Finding(
        kind="data-leakage",
        severity=Severity.WARNING if many and not few_values and not measured.copies_conflicting else Severity.INFO,
        message=(
            f"The data repeats itself: {measured.copies_across} of {measured.hashed_val} validation samples have a "
            f"copy in the training split, as {100 * by_chance:.1f} % of the training samples have within it."
        ),
        action="If these are copies and not coincidences, remove them before splitting.",
        evidence=evidence,
        where=WHERE,
        confidence=0.6,
    )


def _mixing(measured: DataMeasured, settings: DataSettings) -> Iterator[Finding]:
    if measured.mixing is not None and measured.mixing > settings.independence_change:
        yield Finding(
            kind="batch-dimension-mixup",
            message=(
                "In eval mode a sample's output changes when another sample of its batch is exchanged "
                f"(by {measured.mixing:.2g} of the outputs' spread): the samples see each other."
            ),
            action="Check view, reshape, transpose and batch_first: the batch must stay the first axis throughout.",
            evidence={"relative_change": measured.mixing},
            where=WHERE,
            confidence=0.95,
        )


def _foresight(measured: DataMeasured, settings: DataSettings) -> Iterator[Finding]:
    if measured.foresight is not None and measured.foresight > settings.independence_change:
        yield Finding(
            kind="data-leakage",
            message=(
                "The targets are the inputs' next values, and outputs change when only later inputs are exchanged "
                f"(by {measured.foresight:.2g} of the outputs' spread): the model sees what it is asked to foretell."
            ),
            action="Mask attention causally (is_causal=True), pad convolutions on the left only, and read one way.",
            evidence={"relative_change": measured.foresight},
            where=WHERE,
            confidence=0.95,
        )


def _inputs(measured: DataMeasured, settings: DataSettings) -> Iterator[Finding]:
    for field in measured.fields:
        if not field.name.startswith("inputs") or not field.real:
            continue
        if field.not_finite:
            yield Finding(
                kind="numerical-nan",
                message=(
                    f"{field.name} holds {field.not_finite} values that are not finite in {measured.looked_at} samples."
                ),
                action="Fill in or drop these values before training.",
                evidence={"field": field.name, "not_finite": field.not_finite},
                where=WHERE,
            )
        # A model that scales its inputs itself (a first BatchNorm, a division) is judged by what its layers are fed.
        inside = measured.fed_mean is not None and measured.fed_sd is not None
        fed_mean, fed_sd = (measured.fed_mean, measured.fed_sd) if inside else (field.mean, field.sd)
        if _off_scale(field.mean, field.sd, settings) and _off_scale(fed_mean or 0.0, fed_sd or 0.0, settings):
            yield Finding(
                kind="unnormalised-inputs",
                message=(
                    f"{field.name} has mean {field.mean:.3g} and standard deviation {field.sd:.3g} "
                    f"(range {field.low:.3g} to {field.high:.3g}); nets are made for about 0 and 1."
                ),
                action="Subtract the mean and divide by the standard deviation of each feature of the training split.",
                evidence={
                    "field": field.name,
                    "mean": field.mean,
                    "sd": field.sd,
                    "low": field.low,
                    "high": field.high,
                    "widest_feature_sd": field.widest_sd,
                    "narrowest_feature_sd": field.narrowest_sd,
                },
                where=WHERE,
                confidence=0.9,
            )


def _off_scale(mean: float, sd: float, settings: DataSettings) -> bool:
    return abs(mean) > settings.mean_limit or (sd > 0 and not settings.sd_low <= sd <= settings.sd_high)


def _targets(measured: DataMeasured, settings: DataSettings) -> Iterator[Finding]:
    if measured.target_kind != "real":
        return
    for field in measured.fields:
        if not field.name.startswith("target") or not field.real or field.sd == 0:
            continue
        sd_off = not settings.target_sd_low <= field.sd <= settings.target_sd_high
        mean_off = abs(field.mean) > settings.target_mean_sds * field.sd
        if sd_off or mean_off:
            yield Finding(
                kind="unnormalised-targets",
                message=(
                    f"The targets have mean {field.mean:.3g} and standard deviation {field.sd:.3g}, far from the 0 and "
                    "about 1 that an untrained net puts out."
                ),
                action="Standardise the targets by the training split's mean and sd, and undo it when predicting.",
                evidence={"mean": field.mean, "sd": field.sd},
                where=WHERE,
                confidence=0.9,
            )


def _imbalance(measured: DataMeasured, settings: DataSettings) -> Iterator[Finding]:
    if len(measured.class_counts) < 2:
        return
    most, least = max(measured.class_counts), min(measured.class_counts)
    if most < settings.imbalance_ratio * least:
        return
    share = most / sum(measured.class_counts)
    heavy = share >= settings.imbalance_majority and not measured.weighted
    yield Finding(
        kind="class-imbalance",
        severity=Severity.WARNING if heavy else Severity.INFO,
        message=(
            f"The most frequent class has {most} of {sum(measured.class_counts)} samples, the least frequent {least}: "
            f"accuracy {share:.2f} is had by always guessing the first."
        ),
        action="Judge by balanced accuracy or F1, and weight the loss or the sampling by class if rare classes matter.",
        evidence={"counts": list(measured.class_counts), "majority": share, "weighted": measured.weighted},
        where=WHERE,
        confidence=0.8,
    )
