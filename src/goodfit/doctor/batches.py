"""Tests on the batches that were kept: do samples stay apart, and do inputs say anything of their labels?"""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import Tensor

from goodfit.diagnosis.association import Association, Samples, neighbours
from goodfit.doctor.futures import seen_futures
from goodfit.doctor.mixing import lies_along_first_axis, mixed_samples, outputs_of
from goodfit.doctor.replay import redrawn
from goodfit.findings import Finding
from goodfit.recording.recorder import Recorder
from goodfit.recording.records import Recording
from goodfit.recording.tensors import is_plain, sample_hashes_all, tensors_in
from goodfit.settings.doctor import DoctorSettings

_FEW_NUMBERS = 12  # whole numbers of a sample, that are no text


def tests_of_batches(recording: Recording, recorder: Recorder, settings: DoctorSettings) -> list[Finding]:
    """Mixed samples, ignored inputs, mispaired labels, class numbers taken for measurements: what the tests find."""
    found: list[Finding] = []
    for test in (mixed_samples, seen_futures, _ignored_inputs, _mispaired_labels, _class_numbers):
        try:
            finding = test(recording, recorder, settings)
        except Exception as error:  # the user's own code, run in a way it was not written for
            recording.opaque.append(f"a test of batches failed ({type(error).__name__}: {error})")
            continue
        if finding is not None:
            found.append(finding)
    return found


def _ignored_inputs(recording: Recording, recorder: Recorder, settings: DoctorSettings) -> Finding | None:
    """Whether all samples get the same answer, with the weights as trained and with any others."""
    kept = recorder.kept
    batch = next((b for b in kept.batches if lies_along_first_axis(b, recording)), None)
    if batch is None:
        return None
    assert kept.model is not None
    n = len(next(tensors_in((batch.args, batch.kwargs))))
    model = copy.deepcopy(kept.model)
    model.eval()
    alike = all(bool((t == t[:1]).all()) for t in tensors_in((batch.args, batch.kwargs)))
    with torch.no_grad():
        for seed in range(3):
            out = outputs_of(model, batch, n)
            if out is None or not bool(torch.isfinite(out).all()):
                return None
            if float((out - out[:1]).abs().max()) > 1e-7 * max(float(out.abs().max()), 1e-12):
                return None
            torch.manual_seed(seed + 1)
            if not redrawn(model) and not alike:
                return None
    use = recording.models[kept.module_number]
    return Finding(
        kind="pipeline-suspect",
        message=(
            f"All {n} samples of a batch {'are the same' if alike else 'get the same answer'}: what {use.name} puts "
            "out does not depend on its inputs, with the weights as trained and with fresh ones."
        ),
        action="Look at what the network is given, and at what becomes of it in forward().",
        evidence={"reason": "outputs do not depend on the inputs", "samples": n, "inputs_alike": alike},
        where=str(use.training_site or ""),
        confidence=0.9,
    )


def _mispaired_labels(recording: Recording, recorder: Recorder, settings: DoctorSettings) -> Finding | None:
    """Neighbours in the inputs against neighbours in the labels: as paired, and shifted against each other."""
    use = next((one for one in recording.losses if one.trained), None)
    if use is None or _chance(recording) > settings.imbalance:
        return None  # where one answer is nearly always right, agreement says little
    shifted_labels = _shifted_labels(recording, recorder, settings)
    if shifted_labels is not None or _scores_above_chance(recording):
        return shifted_labels
    pairs = _pairs(recorder)
    if pairs is None or len(pairs[0]) < settings.pairs_least or _are_numbers_of_things(recording, recorder):
        return None
    as_paired = Samples(pairs[0]).association(pairs[1])
    if as_paired is None or as_paired.z > settings.pairs_related:
        return None
    held_out = recorder.pairs.held_out
    of_held_out = None
    given = None if held_out is None else described([held_out[0]], len(held_out[0]))
    if held_out is not None and given is not None and len(given) >= settings.pairs_least:
        of_held_out = Samples(given).association(held_out[1])
    evidence: dict[str, Any] = {"samples": len(pairs[0]), "z_as_paired": as_paired.z, "score": as_paired.score}
    if of_held_out is not None and of_held_out.z > settings.pairs_shifted:
        evidence |= {"z_held_out": of_held_out.z, "score_held_out": of_held_out.score}
        said = (
            f"Inputs say nothing of the labels that they are trained with (score {as_paired.score:.2f} over "
            f"{len(pairs[0])} samples), while in evaluations they do ({of_held_out.score:.2f}): training inputs and "
            "labels are paired wrongly."
        )
        sure = 0.95
    elif _is_at_chance(recording):
        said = (
            f"Inputs say nothing of the labels they are paired with ({len(pairs[0])} samples; neighbours agree no more "
            "than chance), and no evaluation is better than guessing: one was shuffled without the other, "
            "or the labels "
            "are random."
        )
        sure = 0.85
    else:
        return None
    return _misaligned(recording, recorder, said, evidence, sure)


def _are_numbers_of_things(recording: Recording, recorder: Recorder) -> bool:
    """Whether inputs are a few whole numbers each (a user and an item): what they say lies in how they go together."""
    use = recording.models[recorder.kept.module_number]
    return use.input_is_integer and math.prod(use.input_shape[1:]) < _FEW_NUMBERS


def _misaligned(recording: Recording, recorder: Recorder, said: str, evidence: dict[str, Any], sure: float) -> Finding:
    owner = recording.models[recorder.kept.module_number]
    return Finding(
        kind="labels-misaligned",
        message=said,
        action="Shuffle, filter and split inputs and labels together, with one and the same index.",
        evidence=evidence,
        where=str(owner.training_site or ""),
        confidence=sure,
    )


def _shifted_labels(recording: Recording, recorder: Recorder, settings: DoctorSettings) -> Finding | None:
    """Whether labels a few places on go with the inputs far better than their own, in the data's own order."""
    ordered = _ordered_pairs(recorder)
    pairs = ordered[:2] if ordered is not None else _pairs(recorder)
    if pairs is None or len(pairs[0]) < settings.pairs_least:
        return None
    samples = Samples(pairs[0])
    as_paired = samples.association(pairs[1])
    if as_paired is None:
        return None
    if ordered is not None:
        found = _reversed_labels(recording, recorder, settings, (samples, ordered[2]), as_paired)
        if found is not None:
            return found
    if _are_windows(pairs[0]):
        return None
    if as_paired.z > settings.pairs_related and as_paired.score > 1 - settings.pairs_lead:
        return None  # no other pairing could lead by as much as it would have to
    best: tuple[int, Association] | None = None
    for shift in (1, -1, 2, -2, 3, -3):
        seen = samples.association(pairs[1], shift)
        if seen is not None and (best is None or seen.z > best[1].z):
            best = (shift, seen)
    if best is None or best[1].z < settings.pairs_shifted:
        return None
    shift, seen = best
    if as_paired.z > settings.pairs_related and seen.score < as_paired.score + settings.pairs_lead:
        return None
    said = (
        f"Inputs and labels are shifted against each other by {abs(shift)}: as paired, inputs say little of the labels "
        f"(score {as_paired.score:.2f}); shifted they do ({seen.score:.2f})."
    )
    evidence = {
        "samples": len(pairs[0]),
        "z_as_paired": as_paired.z,
        "score": as_paired.score,
        "shift": shift,
        "z_shifted": seen.z,
        "score_shifted": seen.score,
    }
    return _misaligned(recording, recorder, said, evidence, 0.95)


def _reversed_labels(
    recording: Recording,
    recorder: Recorder,
    settings: DoctorSettings,
    counted: tuple[Samples, Tensor],
    as_paired: Association,
) -> Finding | None:
    """Whether the labels of the data run against its inputs: counted from their end they go with them far better."""
    samples, from_end = counted
    seen = samples.association(from_end)
    if seen is None or seen.z < settings.pairs_shifted or seen.score <= as_paired.score:
        return None
    left, left_reversed = 1 - as_paired.score**2, 1 - seen.score**2
    if as_paired.z > settings.pairs_related and left_reversed > settings.reversed_left * left:
        return None
    said = (
        f"The labels of the training set run against its inputs: as paired they are told from them with a score of "
        f"{as_paired.score:.2f}, counted from their end with {seen.score:.2f}."
    )
    evidence = {
        "samples": len(from_end),
        "z_as_paired": as_paired.z,
        "score": as_paired.score,
        "z_reversed": seen.z,
        "score_reversed": seen.score,
    }
    return _misaligned(recording, recorder, said, evidence, 0.95)


def _are_windows(rows: Tensor) -> bool:
    """Whether each row is the one before, moved on: the next label is then among the inputs by right."""
    if rows.shape[1] < 3:
        return False
    for step in range(1, min(5, rows.shape[1] - 1)):
        before, after = rows[1:, :-step], rows[:-1, step:]
        told = before != 0  # where most is zero, much is equal anyway
        if bool(told.any()) and float((before == after)[told].double().mean()) > 0.5:
            return bool((before != rows[:-1, :-step]).any())
    return False


def _class_numbers(recording: Recording, recorder: Recorder, settings: DoctorSettings) -> Finding | None:
    """A squared error of numbers that name classes: neighbours agree on them, or are as far apart as any two."""
    use = next((one for one in recording.losses if one.trained >= settings.hits), None)
    if use is None or use.function not in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "difference"):
        return None
    values = sorted(use.target_values) if use.target_values_full else []
    if use.target_whole_numbers < use.trained or not 3 <= len(values) <= settings.whole_values:
        return None
    if values[0] not in (0.0, 1.0) or values[-1] - values[0] != len(values) - 1:
        return None
    if max(use.target_values.values()) > 2.5 / len(values) * sum(use.target_values.values()):
        return None  # counts and ratings pile up
    pairs = _pairs(recorder)
    if pairs is None or pairs[1].ndim > 1 or len(pairs[0]) < settings.pairs_least:
        return None
    same, apart = neighbours(*pairs)
    if same < settings.class_purity or apart < settings.class_apart:
        return None
    return Finding(
        kind="wrong-loss-for-task",
        message=(
            f"A squared or absolute error is taken of numbers that look like names of {len(values)} classes: nearest "
            f"samples share them in {same:.0%} of the cases, and those that do not are as far apart as any two."
        ),
        action="Give the network one output per class and use cross_entropy.",
        evidence={"classes": len(values), "neighbours_alike": same, "distance_of_others": apart},
        where=str(use.site),
        confidence=0.88,
    )


def _pairs(recorder: Recorder) -> tuple[Tensor, Tensor] | None:
    """Different training samples with their targets, [n, d] and [n] or [n, k]; None where they are not one by one."""
    rows, labels = [], []
    for batch in recorder.kept.batches:
        target = batch.target
        whole = target.ndim in (1, 2) and (target.is_floating_point() or target.numel() == len(target))
        if not whole or batch.made:
            return None
        given = described(list(tensors_in((batch.args, batch.kwargs))), len(target))
        if given is None or target[0].numel() > _MOST_COLUMNS:
            return None
        rows.append(given)
        labels.append(target.detach().flatten() if target.numel() == len(target) else target.detach())
        if sum(map(len, rows)) >= _MOST_PAIRS:
            break  # the tests look at no more
    if not rows or len({row.shape[1] for row in rows}) != 1 or len({label.ndim for label in labels}) != 1:
        return None
    return _once_each(torch.cat(rows), torch.cat(labels))


_MOST_PAIRS = 3_000
_MOST_COLUMNS = 64  # of targets with several numbers a sample


def _once_each(rows: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Every sample once: one that came up in two epochs would be its own neighbour."""
    first: dict[int, int] = {}
    for place, number in enumerate(sample_hashes_all(rows)):
        first.setdefault(number, place)
    kept = torch.tensor(sorted(first.values()))
    return rows[kept], labels[kept]


def described(parts: list[Tensor], n: int) -> Tensor | None:
    """Inputs as rows of numbers, [n, d]: words as how often each comes up, two alike by how they differ, too.

    Whole numbers name words, people or things: how near two of them lie says nothing.
    """
    parts = [t.detach() for t in parts if t.ndim]
    if not parts or any(len(t) != n or not is_plain(t) or t.is_complex() for t in parts):
        return None
    told = [t.reshape(n, -1).double() if t.is_floating_point() else _words(t.reshape(n, -1)) for t in parts]
    if len(parts) == 2 and parts[0].shape == parts[1].shape and parts[0].is_floating_point():
        told.append((told[0] - told[1]).abs())
    return torch.cat(told, dim=1)


def _words(given: Tensor) -> Tensor:
    flat = given.flatten(1).long().clamp(0, 4095)
    return torch.zeros(len(flat), 4096).scatter_add_(1, flat, torch.ones_like(flat).float())


def _ordered_pairs(recorder: Recorder) -> tuple[Tensor, Tensor, Tensor] | None:
    """The first samples of the training set in its own order, where its tensors can be seen.

    Returns:
        Inputs, their targets, and the targets counted from the other end, each a row a sample.
    """
    loaders = [use for use in recorder.recording.loaders if use.trained_batches]
    for use in sorted(loaders, key=lambda one: -one.trained_batches):
        reference = recorder.loader_watch.datasets.get(use.number)
        dataset = reference() if reference is not None else None
        indices = getattr(dataset, "indices", None)
        tensors = getattr(getattr(dataset, "dataset", dataset), "tensors", None)
        if tensors is None or len(tensors) != 2 or tensors[0].ndim < 2 or not tensors[1].ndim or tensors[1].ndim > 2:
            continue
        inputs, goals = tensors
        if goals.numel() != len(inputs) and not (goals.is_floating_point() and goals[0].numel() <= _MOST_COLUMNS):
            continue
        rows = torch.as_tensor(sorted(indices))[:1500] if indices is not None else torch.arange(min(1500, len(inputs)))
        found = described([inputs[rows]], len(rows))
        if found is None:
            continue
        goals = goals.flatten() if goals.numel() == len(inputs) else goals
        return found, goals[rows], goals[len(goals) - 1 - rows]
    return None


def _held_out(recording: Recording) -> list[tuple[int, int]]:
    return [
        (p.right, p.compared)
        for p in recording.evaluations
        if p.compared >= 20 and p.known_samples < 0.5 * max(p.hashed_samples, 1)
    ]


def _chance(recording: Recording) -> float:
    use = max((one for one in recording.losses if one.trained), key=lambda one: one.trained)
    seen = [count for _, count in use.recalls.values()]
    return max(seen) / max(sum(seen), 1) if seen else 0.0


def _scores_above_chance(recording: Recording) -> bool:
    chance = _chance(recording)
    return any(
        right / total > chance + 4 * (chance * (1 - chance) / total) ** 0.5 + 0.02
        for right, total in _held_out(recording)
    )


def _is_at_chance(recording: Recording) -> bool:
    """Whether held-out samples were answered, and none better than by guessing."""
    held_out = _held_out(recording)
    if held_out:
        return True  # those above chance ended the test
    losses = [
        sum(v * n for v, n in p.losses) / max(sum(n for _, n in p.losses), 1)
        for p in recording.evaluations
        if p.losses and p.known_samples < 0.5 * max(p.hashed_samples, 1)
    ]
    return len(losses) >= 3 and min(losses) > 0.97 * losses[0]
