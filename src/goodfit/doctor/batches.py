"""Tests on the batches that were kept: do samples stay apart, and do inputs say anything of their labels?"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from goodfit.diagnosis.association import Association, association, shifted
from goodfit.doctor.replay import Replay
from goodfit.findings import Finding
from goodfit.recording.kept import KeptBatch
from goodfit.recording.recorder import Recorder
from goodfit.recording.records import Recording
from goodfit.recording.tensors import sample_hashes_all, tensors_in
from goodfit.settings.doctor import DoctorSettings


def tests_of_batches(
    recording: Recording, recorder: Recorder, replay: Replay, settings: DoctorSettings
) -> list[Finding]:
    """`batch-dimension-mixup` and `labels-misaligned`, each if its test says so."""
    found: list[Finding] = []
    for test in (_mixed_samples, _mispaired_labels):
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
    inputs = next(tensors_in(batch.args))
    n = len(inputs)
    with torch.no_grad():
        before = _outputs(model, batch, inputs, n)
        again = _outputs(model, batch, inputs, n)
        if before is None or again is None or not torch.equal(before, again):
            return None  # random in eval mode, too
        touched, moved = 0, 0.0
        places = [n // 2, n - 1, 0][: min(3, n)]
        for place in places:
            other = inputs.clone()
            other[place] = inputs[(place + n // 2 + 1) % n] if n > 2 else inputs[place].flip(0)
            if torch.equal(other, inputs):
                continue
            after = _outputs(model, batch, other, n)
            if after is None:
                return None
            apart = (after - before).abs().amax(1)
            own = float(apart[place])
            rest = torch.cat([apart[:place], apart[place + 1 :]])
            scale = max(own, float(before.std()), 1e-12)
            if float(rest.max()) > 1e-3 * scale:
                touched, moved = touched + 1, max(moved, float(rest.max()) / scale)
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
    """Whether a batch's samples surely lie along the first axis of one input: there is one target for each."""
    given = list(tensors_in((batch.args, batch.kwargs)))
    if len(given) != 1 or given[0].ndim < 2 or len(given[0]) < 3:
        return False
    n, target = len(given[0]), batch.target
    if target.ndim == 0 or len(target) != n or not batch.shape or batch.shape[0] != n:
        return False
    if target.ndim == 1 or target[0].numel() == 1:
        return True
    sizes = {loader.batch_size for loader in recording.loaders if loader.trained_batches}
    return n in sizes and n not in given[0].shape[1:]


def _outputs(model: nn.Module, batch: KeptBatch, inputs: Tensor, n: int) -> Tensor | None:
    out = next(tensors_in(model(*_with_first(batch.args, inputs), **batch.kwargs)), None)
    if out is None or not out.is_floating_point() or out.ndim == 0 or len(out) != n:
        return None
    return out.detach().double().reshape(n, -1)


def _with_first(args: tuple[Any, ...], value: Tensor) -> tuple[Any, ...]:
    done, out = False, []
    for arg in args:
        if isinstance(arg, Tensor) and not done:
            arg, done = value, True
        out.append(arg)
    return tuple(out)


def _mispaired_labels(recording: Recording, recorder: Recorder, settings: DoctorSettings) -> Finding | None:
    """Neighbours in the inputs against neighbours in the labels: as paired, and shifted against each other."""
    use = next((one for one in recording.losses if one.trained), None)
    if use is None or _scores_above_chance(recording) or _chance(recording) > settings.imbalance:
        return None  # where one answer is nearly always right, agreement says little
    pairs = _pairs(recorder)
    if pairs is None or len(pairs[0]) < settings.pairs_least:
        return None
    as_paired = association(*pairs)
    if as_paired is None or as_paired.z > settings.pairs_related:
        return None
    best: tuple[int, Association] | None = None
    ordered = _ordered_pairs(recorder) or pairs
    for shift in (1, -1, 2, -2, 3, -3):
        seen = association(*shifted(*ordered, shift))
        if seen is not None and seen.z > settings.pairs_shifted and (best is None or seen.z > best[1].z):
            best = (shift, seen)
    evidence: dict[str, Any] = {"samples": len(pairs[0]), "z_as_paired": as_paired.z, "score": as_paired.score}
    if best is not None:
        shift, seen = best
        evidence |= {"shift": shift, "z_shifted": seen.z, "score_shifted": seen.score}
        said = (
            f"Inputs and labels are shifted against each other by {abs(shift)}: as paired, inputs say nothing of the "
            f"labels (score {as_paired.score:.2f}); shifted they do ({seen.score:.2f})."
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
    owner = recording.models[recorder.kept.module_number]
    return Finding(
        kind="labels-misaligned",
        message=said,
        action="Shuffle, filter and split inputs and labels together, with one and the same index.",
        evidence=evidence,
        where=str(owner.training_site or ""),
        confidence=sure,
    )


def _pairs(recorder: Recorder) -> tuple[Tensor, Tensor] | None:
    rows, labels = [], []
    for batch in recorder.kept.batches:
        given = next(tensors_in((batch.args, batch.kwargs)), None)
        target = batch.target
        if given is None or given.ndim < 2 or target.ndim == 0 or len(target) != len(given):
            return None
        if target.numel() != len(target):
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
