"""Tests on the batches that were kept: do samples stay apart, and do inputs say anything of their labels?"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from goodfit.diagnosis.association import Association, association, neighbours, shifted
from goodfit.doctor.replay import redrawn
from goodfit.findings import Finding
from goodfit.recording.kept import KeptBatch
from goodfit.recording.pairing import rows_of
from goodfit.recording.recorder import Recorder
from goodfit.recording.records import Recording
from goodfit.recording.tensors import sample_hashes_all, tensors_in
from goodfit.settings.doctor import DoctorSettings


def tests_of_batches(recording: Recording, recorder: Recorder, settings: DoctorSettings) -> list[Finding]:
    """Mixed samples, ignored inputs, mispaired labels, class numbers taken for measurements: what the tests find."""
    found: list[Finding] = []
    for test in (_mixed_samples, _ignored_inputs, _mispaired_labels, _class_numbers):
        try:
            finding = test(recording, recorder, settings)
        except Exception as error:  # the user's own code, run in a way it was not written for
            recording.opaque.append(f"a test of batches failed ({type(error).__name__}: {error})")
            continue
        if finding is not None:
            found.append(finding)
    return found


def _mixed_samples(recording: Recording, recorder: Recorder, settings: DoctorSettings) -> Finding | None:
    """Change one sample, and watch the outputs of the others, in eval mode."""
    kept = recorder.kept
    batch = next((b for b in kept.batches if _lies_along_first_axis(b, recording)), None)
    if batch is None:
        return None
    assert kept.model is not None
    model = copy.deepcopy(kept.model)
    model.eval()
    if any(isinstance(m, nn.modules.batchnorm._BatchNorm) and not m.track_running_stats for m in model.modules()):
        return None
    n = len(next(tensors_in((batch.args, batch.kwargs))))
    with torch.no_grad():
        before = _outputs(model, batch, n)
        again = _outputs(model, batch, n)
        if before is None or again is None or not torch.equal(before, again):
            return None  # random in eval mode, too
        if _needs_all(model, batch, n):
            return None  # a graph's nodes: the network takes them all or none
        touched, moved = 0, 0.0
        places = [n // 2, n - 1, 0][: min(3, n)]
        for place in places:
            order = list(range(n))
            order[place] = (place + n // 2 + 1) % n
            after = _outputs(model, batch, n, order)
            if after is None:
                return None
            apart = (after - before).abs().amax(1)
            own = float(apart[place])
            others = [i for i in range(n) if i != place]
            scale = max(own, float(before.std()), 1e-12)
            if float(apart[others].max()) > 1e-3 * scale:
                touched, moved = touched + 1, max(moved, float(apart[others].max()) / scale)
    if touched < min(2, len(places)):
        return None
    use = recording.models[kept.module_number]
    return Finding(
        kind="batch-dimension-mixup",
        message=(
            f"The samples of a batch are not kept apart in {use.name}: changing one of {n} samples changes "
            "the outputs of "
            f"others by up to {moved:.0%} of their spread, in eval mode."
        ),
        action=(
            "Find where the batch axis is taken for another one: batch_first=True for recurrent and attention layers, "
            "transpose or permute instead of view or reshape."
        ),
        evidence={"samples": n, "samples_changed": len(places), "others_moved": touched, "largest_move": moved},
        where=str(use.training_site or ""),
        confidence=0.93,
    )


def _lies_along_first_axis(batch: KeptBatch, recording: Recording) -> bool:
    """Whether a batch's samples surely lie along the first axis of all inputs.

    They do where there is one target for each, where rows were picked by an index, and where a loader says so.
    """
    given = list(tensors_in((batch.args, batch.kwargs)))
    if not given or any(t.ndim < 1 or len(t) != len(given[0]) for t in given) or len(given[0]) < 3:
        return False
    if all(t.ndim < 2 for t in given):
        return False
    n, target = len(given[0]), batch.target
    per_sample = target.ndim > 0 and len(target) == n and bool(batch.shape) and batch.shape[0] == n
    if per_sample and (target.ndim == 1 or target[0].numel() == 1):
        return True
    if batch.picked:
        return True
    sizes = {loader.batch_size for loader in recording.loaders if loader.trained_batches}
    return n in sizes and all(n not in t.shape[1:] for t in given)


def _needs_all(model: nn.Module, batch: KeptBatch, n: int) -> bool:
    """Whether the network cannot take a part of the batch."""
    try:
        return _outputs(model, batch, n, list(range(n - 1))) is None
    except (RuntimeError, IndexError, ValueError, AssertionError):
        return True


def _outputs(model: nn.Module, batch: KeptBatch, n: int, order: list[int] | None = None) -> Tensor | None:
    """What the network puts out, a row a sample: [len(order), ...]; None where that is not what it puts out.

    A network may draw random numbers in eval mode, too: it gets the same ones each time.
    """
    torch.manual_seed(0)
    args, kwargs = (batch.args, batch.kwargs) if order is None else _picked((batch.args, batch.kwargs), n, order)
    out = next(tensors_in(model(*args, **kwargs)), None)
    rows = n if order is None else len(order)
    if out is None or not out.is_floating_point() or out.ndim == 0 or len(out) != rows:
        return None
    return out.detach().double().reshape(rows, -1)


def _picked(value: Any, n: int, order: list[int]) -> Any:
    """The same nest of tuples, lists and dicts with the given rows of every tensor that has a row a sample."""
    if isinstance(value, Tensor):
        return value[order] if value.ndim and len(value) == n else value
    if isinstance(value, dict):
        return {key: _picked(item, n, order) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_picked(item, n, order) for item in value)
    return value


def _ignored_inputs(recording: Recording, recorder: Recorder, settings: DoctorSettings) -> Finding | None:
    """Whether all samples get the same answer, with the weights as trained and with any others."""
    kept = recorder.kept
    batch = next((b for b in kept.batches if _lies_along_first_axis(b, recording)), None)
    if batch is None:
        return None
    assert kept.model is not None
    n = len(next(tensors_in((batch.args, batch.kwargs))))
    model = copy.deepcopy(kept.model)
    model.eval()
    alike = all(bool((t == t[:1]).all()) for t in tensors_in((batch.args, batch.kwargs)))
    with torch.no_grad():
        for seed in range(3):
            out = _outputs(model, batch, n)
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
    if pairs is None or len(pairs[0]) < settings.pairs_least:
        return None
    as_paired = association(*pairs)
    if as_paired is None or as_paired.z > settings.pairs_related:
        return None
    held_out = recorder.pairs.held_out
    of_held_out = None
    if held_out is not None and len(held_out[0]) >= settings.pairs_least:
        of_held_out = association(_described(held_out[0]), held_out[1])
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
    pairs = _ordered_pairs(recorder) or _pairs(recorder)
    if pairs is None or len(pairs[0]) < settings.pairs_least or _are_windows(pairs[0]):
        return None
    as_paired = association(*pairs)
    if as_paired is None:
        return None
    best: tuple[int, Association] | None = None
    for shift in (1, -1, 2, -2, 3, -3):
        seen = association(*shifted(*pairs, shift))
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
    if pairs is None or len(pairs[0]) < settings.pairs_least:
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
    rows, labels = [], []
    for batch in recorder.kept.batches:
        target = batch.target
        if target.ndim == 0 or target.numel() != len(target):
            return None
        given = rows_of(list(tensors_in((batch.args, batch.kwargs))), len(target))
        if given is None:
            return None
        rows.append(_described(given))
        labels.append(target.detach().flatten())
    if not rows or len({row.shape[1] for row in rows}) != 1:
        return None
    return _once_each(torch.cat(rows), torch.cat(labels))


def _once_each(rows: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Every sample once: one that came up in two epochs would be its own neighbour."""
    first: dict[int, int] = {}
    for place, number in enumerate(sample_hashes_all(rows)):
        first.setdefault(number, place)
    kept = torch.tensor(sorted(first.values()))
    return rows[kept], labels[kept]


def _described(given: Tensor) -> Tensor:
    """Inputs as rows of numbers; words as how often each comes up."""
    given = given.detach()
    if given.is_floating_point():
        return given.flatten(1).double()
    flat = given.flatten(1).long().clamp(0, 4095)
    return torch.zeros(len(flat), 4096, dtype=torch.float64).scatter_add_(1, flat, torch.ones_like(flat).double())


def _ordered_pairs(recorder: Recorder) -> tuple[Tensor, Tensor] | None:
    """The first samples of the training set in its own order, where its tensors can be seen."""
    loaders = [use for use in recorder.recording.loaders if use.trained_batches]
    for use in sorted(loaders, key=lambda one: -one.trained_batches):
        reference = recorder.loader_watch.datasets.get(use.number)
        dataset = reference() if reference is not None else None
        indices = getattr(dataset, "indices", None)
        tensors = getattr(getattr(dataset, "dataset", dataset), "tensors", None)
        if tensors is None or len(tensors) != 2 or tensors[0].ndim < 2 or tensors[1].numel() != len(tensors[0]):
            continue
        rows = torch.as_tensor(sorted(indices))[:1500] if indices is not None else slice(0, 1500)
        return _described(tensors[0][rows]), tensors[1][rows].flatten()
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
