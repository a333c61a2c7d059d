"""Parameters that training does not reach: in no optimiser, frozen, or cut off from the loss."""

from __future__ import annotations

import math

from goodfit.findings import Finding, Severity
from goodfit.recording.records import Recording
from goodfit.settings.doctor import DoctorSettings


def parameters_not_in_optimizer(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """Parameters that get gradients while no optimiser holds them, or an optimiser that holds others."""
    if not recording.optimised or recording.steps < settings.hits:
        return None
    lost = [
        p
        for p in recording.parameters
        if p.reached >= settings.hits
        and p.requires_grad
        and not p.in_optimizer
        and not p.loaded
        and not p.stepped_before
        and not p.mode_eval
    ]
    if not any(len(p.shape) >= 2 or not p.is_bare for p in lost):
        lost = []
    lost = [p for p in lost if p.layer or len(lost) > 1 or math.prod(p.shape) > 1]
    if not lost:
        return None
    held = sum(math.prod(p.shape) for p in recording.parameters if p.in_optimizer and p.reached)
    amount = sum(math.prod(p.shape) for p in lost)
    unregistered = any(not p.registered for p in lost)
    use = max(recording.optimised, key=lambda o: o.steps)
    if not unregistered and amount < 0.02 * (held + amount) and not any(len(p.shape) >= 2 for p in lost):
        return None
    names = _few([p.name for p in lost])
    reason = (
        "they are not registered in the module that runs them (layers in a plain list?)"
        if unregistered
        else "the optimiser was built for other parameters"
    )
    return Finding(
        kind="parameters-not-in-optimizer",
        message=(
            f"{len(lost)} parameters with {amount:,} numbers get gradients but are held by no optimiser, so they never "
            f"change ({names}): {reason}."
        ),
        action=(
            "Keep the layers in an nn.ModuleList or nn.Sequential, and build the optimiser after the model is complete."
            if unregistered
            else "Build the optimiser from all parameters that are to be trained, after the model is complete."
        ),
        evidence={
            "parameters": len(lost),
            "numbers": amount,
            "numbers_trained": held,
            "names": [p.name for p in lost[:8]],
            "optimizer_holds_unreached": use.unreached,
        },
        where=str(use.site or ""),
        confidence=0.95 if unregistered or use.unreached or amount > held else 0.85,
    )


def frozen_parameters(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """Layers of a trained network with gradients off whose weights are as their layer drew them."""
    if recording.steps < settings.hits:
        return None
    frozen = [
        p
        for p in recording.parameters
        if not p.requires_grad
        and p.ran + p.orphaned >= settings.hits
        and not p.loaded
        and not p.reached
        and p.default_start
        and (_is_trained(recording, p.model) or p.in_optimizer)
    ]
    if not frozen:
        return None
    use = recording.models[frozen[0].model or 0]
    amount = sum(math.prod(p.shape) for p in frozen)
    return Finding(
        kind="frozen-parameters",
        message=(
            f"{len(frozen)} weights of {use.name} with {amount:,} numbers have requires_grad off although "
            "they were never "
            f"trained or loaded ({_few([p.name for p in frozen])}): they stay at their random start."
        ),
        action="Set requires_grad back on for them, or load trained weights before freezing.",
        evidence={"weights": len(frozen), "numbers": amount, "names": [p.name for p in frozen[:8]]},
        where=str(use.training_site or ""),
        confidence=0.92,
    )


def dead_graph_detach(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """Parameters run, are held by the optimiser and want gradients, but no backward pass ever reached them."""
    if recording.broken_graph:
        return Finding(
            kind="dead-graph-detach",
            message=(
                "The loss that backward() was called on depends on no parameter: the graph was cut on the way "
                f"(PyTorch: {recording.broken_graph.splitlines()[0][:120]})."
            ),
            action=(
                "Compute the loss from the network's own outputs, with gradients on and without detach, .data or numpy."
            ),
            evidence={"steps": recording.steps},
            where=_cut(recording) or str(recording.backward_site or ""),
            confidence=0.9,
        )
    if recording.rootless >= settings.hits and recording.rootless > settings.share * recording.looked:
        return Finding(
            kind="dead-graph-detach",
            message=(
                f"{recording.rootless} backward passes ran from a loss that depends on no parameter: it was rebuilt or "
                "detached on the way, so no gradient reaches the network."
            ),
            action=(
                "Compute the loss from the network's own outputs, without detach, .data, numpy or torch.tensor(...)."
            ),
            evidence={"backward_passes": recording.backwards, "without_parameters": recording.rootless},
            where=_cut(recording) or str(recording.rootless_site or ""),
            confidence=0.95,
        )
    cut = [
        p
        for p in recording.parameters
        if p.requires_grad
        and (p.in_optimizer or (p.is_bare and recording.manual_updates >= settings.hits and not recording.optimised))
        and not p.reached
        and not p.loaded
        and p.registered
        and p.ran + p.orphaned >= settings.hits
        and p.layer not in ("LSTM", "GRU", "RNN")
    ]
    weights = [p for p in cut if len(p.shape) >= 2] or cut
    if not cut:
        return _cut_within(recording, settings) or _flattened(recording, settings)
    if recording.backwards < settings.hits or not any(p.reached for p in recording.parameters):
        return None
    amount = sum(math.prod(p.shape) for p in cut)
    without = any(p.ran_without_gradient for p in cut)
    how = "it runs with gradients switched off" if without else "the graph is cut behind it"
    site = "" if without else _cut(recording)
    use = recording.models[weights[0].model] if weights[0].model is not None else None
    return Finding(
        kind="dead-graph-detach",
        severity=None,
        message=(
            f"{len(cut)} parameters with {amount:,} numbers take part in training but never get a gradient "
            f"({_few([p.name for p in weights])}): {how}."
        ),
        action="Remove the detach, .data, numpy or no_grad between these layers and the loss.",
        evidence={"parameters": len(cut), "numbers": amount, "names": [p.name for p in cut[:8]]},
        where=site or str((use.training_site if use else None) or ""),
        confidence=0.92 if site or without else 0.8,
    )


def _cut_within(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """A cut inside a network that the loss depends on: what lies before it gets no gradient for that."""
    lost = max(recording.cuts, key=lambda use: use.lost, default=None)
    if lost is None or lost.lost < settings.hits or lost.lost < settings.share * recording.looked:
        return None
    sampled = lost.how not in ("detach", "no_grad")
    return Finding(
        kind="dead-graph-detach",
        message=(
            "A random draw inside the network passes no gradient on"
            if sampled
            else "A tensor inside the network is cut from the graph"
        )
        + (
            f" although the loss depends on what is computed from it (in {lost.lost} of {recording.looked} backward "
            "passes looked at): the layers before it do not learn what it is needed for."
        ),
        action=(
            "Draw by reparametrisation: mean + std * torch.randn_like(std), or rsample() of a distribution."
            if sampled
            else "Remove the detach, .data or no_grad at this line."
        ),
        evidence={"how": lost.how, "backward_passes": recording.looked, "lost": lost.lost},
        where=str(lost.site),
        confidence=0.88,
    )


def _flattened(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """Weights whose gradient is exactly 0 at every step behind an operation whose derivative is 0 everywhere."""
    if not recording.flats:
        return None
    still = [
        p
        for p in recording.parameters
        if p.in_optimizer and p.gradients >= settings.hits and p.zero_gradients == p.gradients and len(p.shape) >= 2
    ]
    moved = any(p.gradients > p.zero_gradients for p in recording.parameters)
    if not still or not moved:
        return None
    first = recording.flats[0]
    amount = sum(math.prod(p.shape) for p in still)
    return Finding(
        kind="dead-graph-detach",
        message=(
            f"The gradient of {len(still)} weights with {amount:,} numbers is exactly 0 at every step looked at "
            f"({_few([p.name for p in still])}): {first.how}() passes no gradient on, so they never learn."
        ),
        action=(
            f"Let the gradient pass straight through (x + ({first.how}(x) - x).detach()), or use a smooth function "
            "such as tanh."
        ),
        evidence={"weights": len(still), "numbers": amount, "steps": still[0].gradients, "operation": first.how},
        where=str(first.site),
        confidence=0.93,
    )


def unused_parameters(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """An optimiser none of whose parameters is ever reached: it was built for another network."""
    for use in recording.optimised:
        replaced = use.idle >= settings.hits and use.idle > settings.idle * use.looked
        if replaced and not any(p.reached and p.requires_grad and not p.in_optimizer for p in recording.parameters):
            continue
        unreached = use.held and use.unreached == use.held and use.without_gradient >= settings.hits
        if use.steps >= 5 and (replaced or unreached):
            return Finding(
                kind="parameters-not-in-optimizer",
                severity=Severity.ERROR,
                message=(
                    f"No backward pass ever reached any of the {use.held} parameters that {use.name} holds: "
                    "it was built "
                    "for another network, or its parameters were replaced since."
                ),
                action="Build the optimiser from the parameters of the network that is trained, after it is complete.",
                evidence={"held": use.held, "steps": use.steps, "idle": use.idle, "unreached": use.unreached},
                where=str(use.site or ""),
                confidence=0.93,
            )
    return None


def _is_trained(recording: Recording, model: int | None) -> bool:
    """Whether a network is trained, or one that takes its outputs is."""
    if model is None:
        return False
    use = recording.models[model]
    return use.trained_parameters > 0 or use.feeds > 0


def _cut(recording: Recording) -> str:
    """The line that most likely cut the graph: inside a forward pass, as often as it was run."""
    cuts = sorted(recording.cuts, key=lambda c: (c.inside_forward > 0, c.calls), reverse=True)
    return str(cuts[0].site) if cuts else ""


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
