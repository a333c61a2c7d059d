"""What both engines promise besides the right numbers: ends, states, curves, refusals, faults."""

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from training_cases import CLASSES, Branches, Quiet, Recurrent, apart, problem, train, trial

from goodfit.errors import TaskError, TrainingError
from goodfit.training.engines import ENGINES, grouped
from goodfit.training.problem import Loss
from goodfit.training.splits import ResidentSplit
from goodfit.training.trial import Regime, Segment, Status, Trial

torch.set_num_threads(1)
both = pytest.mark.parametrize("engine", ["pool", "batched"])


@pytest.mark.parametrize("model", ["mlp", "cnn", "gru"])
@pytest.mark.parametrize("own_seeds", [False, True])
def test_a_diverging_trial_leaves_its_neighbours_alone_to_the_last_bit(model, own_seeds):
    prob = problem(model, dtype=torch.float32)

    def cohort(bad_lr):
        rates = [0.05, bad_lr, 0.02, bad_lr, 0.01, bad_lr, 0.03]
        return [trial(i, seed=3 + i * own_seeds, lr=lr, dropout=0.2) for i, lr in enumerate(rates)]

    healthy, _ = train("batched", prob, cohort(0.04), 30)
    disturbed, told = train("batched", prob, cohort(1e30), 30)
    assert {i for i in range(7) if told.ended(i).status is Status.DIVERGED} == {1, 3, 5}
    for i in (0, 2, 4, 6):
        assert all(torch.equal(healthy[i].parameters[n], disturbed[i].parameters[n]) for n in healthy[i].parameters)


@both
def test_a_loss_that_is_not_finite_ends_a_trial_with_the_tensor_named(engine):
    class Overflows(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.logarithm, self.head = nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, CLASSES)

        def forward(self, x):
            return self.head(torch.log(self.logarithm(self.first(x)) - 0.9))

    prob = problem(build=lambda hp: Overflows())
    _, told = train(engine, prob, [trial(0), trial(1)], 5)
    for number in (0, 1):
        end = told.ended(number)
        assert (end.status, end.step) == (Status.DIVERGED, 0)
        assert "head" in end.reason
        assert "step 0" in end.reason
        assert np.isnan(told.series(number, "step_loss")[1]).tolist() == [True]


@both
def test_an_update_that_breaks_the_weights_is_named_with_its_step(engine):
    _, told = train(engine, problem(dtype=torch.float32), [trial(0, lr=1e38, grad_clip=None), trial(1)], 20)
    end = told.ended(0)
    assert end.status is Status.DIVERGED
    assert end.step <= 5
    assert told.ended(1).status is Status.DONE
    assert "weight" in end.reason or "bias" in end.reason or "exploded" in end.reason or "output" in end.reason


@both
def test_an_exploding_loss_ends_a_trial_with_its_numbers(engine):
    _, told = train(engine, problem(), [trial(0, lr=30.0, momentum=0.0)], 40)
    end = told.ended(0)
    losses = told.series(0, "step_loss")[1]
    assert end.status is Status.DIVERGED
    assert "exploded" in end.reason
    assert np.median(losses[end.step - 4 : end.step + 1]) > 3 * losses[0]
    assert not any(np.median(losses[i - 4 : i + 1]) > 3 * losses[0] for i in range(4, end.step))


@both
def test_a_loss_that_may_be_negative_is_judged_by_the_spread_of_its_samples(engine):
    def shifted(prediction, target):
        return F.cross_entropy(prediction, target) - 5.0

    _, told = train(engine, problem(loss=shifted), [trial(0), trial(1, lr=300.0, momentum=0.0)], 20)
    assert told.ended(0).status is Status.DONE
    assert told.ended(1).status is Status.DIVERGED


@pytest.mark.parametrize("optimizer", ["sgd", "adamw", "rmsprop"])
@pytest.mark.parametrize("engines", [("pool", "batched"), ("batched", "pool"), ("batched", "batched")])
def test_a_state_goes_on_in_another_engine_as_if_nothing_had_happened(engines, optimizer):
    prob = problem("cnn")
    ts = [
        trial(i, schedule_steps=20, optimizer=optimizer, lr=0.005, dropout=0.3, ema_decay=0.9, schedule="cosine")
        for i in range(2)
    ]
    whole, all_told = train("pool", prob, ts, 20)
    half, _ = train(engines[0], prob, ts, 9)
    assert [state.step for state in half] == [9, 9]
    resumed, told = train(engines[1], prob, ts, 20, states=half)
    for one, other in zip(whole, resumed, strict=True):
        for part in ("parameters", "buffers", "average"):
            assert apart(getattr(one, part), getattr(other, part)) < 1e-10  # the bias before BatchNorm is left out
        assert other.initial_loss == pytest.approx(one.initial_loss, abs=1e-12)
    np.testing.assert_allclose(
        told.series(1, "step_loss")[1], all_told.series(1, "step_loss")[1][9:], rtol=0, atol=1e-11
    )


@both
def test_a_segment_changes_hyperparameters_from_its_step_on(engine):
    prob = problem()
    values = {"lr": 0.05, "optimizer": "adamw", "dropout": 0.0}
    changed = values | {"lr": 0.001, "dropout": 0.5, "label_smoothing": 0.3, "ema_decay": 0.9}
    two = Trial(0, 3, (Segment(0, values, 0), Segment(6, changed, 0)))
    in_one_go, _ = train(engine, prob, [two], 12)
    first, _ = train(engine, prob, [Trial(0, 3, (Segment(0, values, 0),))], 6)
    second, _ = train("pool", prob, [two], 12, states=first)
    assert apart(in_one_go[0].parameters, second[0].parameters) < 1e-12
    assert apart(in_one_go[0].average, second[0].average) < 1e-12
    plain, _ = train(engine, prob, [Trial(0, 3, (Segment(0, values, 0),))], 12)
    assert apart(in_one_go[0].parameters, plain[0].parameters) > 1e-3


@both
def test_curves_are_told_at_their_steps(engine):
    regime = Regime(eval_steps=(0, 4, 10), eval_train=30, eval_val=20, probe=16, probe_every=5)
    _, told = train(engine, problem("cnn"), [trial(0, ema_decay=0.9), trial(1)], 10, regime)
    assert told.series(0, "step_loss")[0].tolist() == list(range(10))
    assert told.series(0, "val_accuracy")[0].tolist() == [0, 4, 10]
    assert told.series(0, "grad_norm")[0].tolist() == [0, 5]
    assert told.series(0, "lr")[0].tolist() == [0, 0, 4, 5, 10]
    assert {"train_loss.averaged", "val_accuracy.averaged"} <= told.names(0)
    assert not any("averaged" in name for name in told.names(1))
    assert {name for name in told.names(0) if name.startswith("update_ratio/")} == {
        "update_ratio/0.weight",
        "update_ratio/7.weight",
    }
    assert [probed.step for probed in told.probed(0)] == [0, 4, 10]
    assert told.probed(0)[0].losses.shape == (16,)
    assert told.probed(0)[0].output_spread > 0


def test_both_engines_tell_the_same_curves():
    regime = Regime(eval_steps=(0, 4, 10), eval_train=30, eval_val=20, probe=16, probe_every=5)
    ts = [trial(i, dropout=0.2 * i, ema_decay=0.9 if i else None) for i in range(3)]
    _, pool = train("pool", problem("cnn"), ts, 10, regime)
    _, batched = train("batched", problem("cnn"), ts, 10, regime)
    for t in ts:
        assert pool.names(t.number) == batched.names(t.number)
        for name in pool.names(t.number):
            for one, other in zip(pool.series(t.number, name), batched.series(t.number, name), strict=True):
                np.testing.assert_allclose(one, other, rtol=0, atol=1e-11, err_msg=name)
        for one, other in zip(pool.probed(t.number), batched.probed(t.number), strict=True):
            np.testing.assert_allclose(one.losses, other.losses, rtol=0, atol=1e-11)
            assert one.dead_fraction == other.dead_fraction


@both
def test_looking_does_not_change_what_is_learned(engine):
    prob = problem("cnn")
    plain, _ = train(engine, prob, [trial(dropout=0.3)], 10)
    looked_at, _ = train(
        engine, prob, [trial(dropout=0.3)], 10, Regime(eval_steps=(0, 3, 5), eval_train=9, eval_val=9, probe=9)
    )
    assert apart(plain[0].parameters, looked_at[0].parameters) == 0
    assert apart(plain[0].buffers, looked_at[0].buffers) == 0


@both
def test_without_regularisation_the_rest_is_plain_training(engine):
    prob = problem()
    heavy = trial(
        0, 3, 10, dropout=0.5, weight_decay=1.0, label_smoothing=0.3, grad_clip=0.01, schedule="linear", ema_decay=0.9
    )
    off, _ = train(engine, prob, [heavy], 10, Regime(regularised=False))
    plain, _ = train(engine, prob, [trial(1)], 10)
    assert apart(off[0].parameters, plain[0].parameters) == 0
    assert off[0].average == {}


@both
def test_a_trial_that_learned_its_samples_stops_and_says_so(engine):
    regime = Regime(samples=tuple(range(12)), batch_size=12, regularised=False, fitted_fraction=0.01)
    _, told = train(engine, problem(), [trial(0, lr=0.03, optimizer="adamw"), trial(1, lr=1e-6)], 400, regime)
    end = told.ended(0)
    assert end.status is Status.STOPPED
    assert end.step < 400
    assert "12 samples" in end.reason
    losses = told.series(0, "step_loss")[1]
    assert losses[-1] < 0.011 * losses[0]
    assert told.ended(1).status is Status.DONE


@both
def test_a_trial_asked_to_leave_leaves_and_the_others_go_on(engine):
    states, told = train(engine, problem(), [trial(0), trial(1), trial(2)], 6, control=Quiet(stopped=(1,)))
    assert [told.ended(i).status for i in range(3)] == [Status.DONE, Status.STOPPED, Status.DONE]
    assert [state.step for state in states] == [6, 0, 6]


@both
def test_an_interrupted_cohort_can_be_gone_on_with(engine):
    prob, ts = problem("cnn"), [trial(0, dropout=0.3), trial(1)]
    whole, _ = train(engine, prob, ts, 12)
    states, told = train(engine, prob, ts, 12, control=Quiet(stop_after=5))
    assert told.ended(1).status is Status.INTERRUPTED
    if engine == "batched":
        rest, _ = train(engine, prob, ts, 12, states=states)
    else:
        rest = [train(engine, prob, [t], 12, states=[state])[0][0] for t, state in zip(ts, states, strict=True)]
    for one, other in zip(whole, rest, strict=True):
        assert apart(one.parameters, other.parameters) == 0


@both
def test_checkpoints_come_at_ends_of_epochs_when_wanted(engine):
    control = Quiet(wants=True)
    train(engine, problem(), [trial(0), trial(1)], 13, control=control)
    per_epoch = 52 // 8
    steps = {state.step for states in control.checkpoints for state in states if state is not None}
    assert steps - {13} == {per_epoch, 2 * per_epoch}
    assert all(len(states) == 2 for states in control.checkpoints)


def test_dropout_inside_the_model_is_refused_by_name_and_repeats_itself_in_the_pool():
    prob = problem("functional-dropout")
    refusal = ENGINES["batched"].refuses(prob, [trial(0), trial(1)], Regime())
    assert refusal is not None
    assert "dropout" in refusal.split(" draws ")[0]
    first, _ = train("pool", prob, [trial(0)], 8)
    torch.rand(17)  # whatever ran before does not matter
    again, _ = train("pool", prob, [trial(1), trial(0)], 8)
    assert apart(first[0].parameters, again[1].parameters) == 0


class Rebinds(nn.Module):
    """Exchanges its buffer at each call in the place of changing it, so that what is put in by name is forgotten."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(5, CLASSES)
        self.register_buffer("scale", torch.ones((), dtype=torch.float64))

    def forward(self, x):
        self.scale = self.scale * 1.5
        return self.head(x) * self.scale


def test_a_branch_on_values_is_refused_with_the_operator_named():
    refusal = ENGINES["batched"].refuses(problem(build=lambda hp: Branches()), [trial(0), trial(1)], Regime())
    assert refusal is not None
    assert "bool" in refusal


def test_a_model_whose_numbers_differ_in_company_is_refused_with_the_numbers():
    refusal = ENGINES["batched"].refuses(problem(build=lambda hp: Rebinds()), [trial(0), trial(1)], Regime())
    assert refusal is not None
    assert "differs from plain PyTorch" in refusal


@pytest.mark.parametrize("model", ["mlp", "cnn", "gru", "attention", "fused-attention"])
def test_models_that_can_be_batched_are_not_refused(model):
    ts = [trial(i, lr=10.0**i, dropout=0.1 * i) for i in range(3)]
    assert ENGINES["batched"].refuses(problem(model, dtype=torch.float32), ts, Regime()) is None


def test_trials_are_grouped_by_structure_optimizer_batch_size_and_step():
    prob = problem(
        build=lambda hp: nn.Sequential(nn.Linear(5, hp.width), nn.Dropout(hp.dropout), nn.Linear(hp.width, 4))
    )
    ts = [
        trial(0, width=8, dropout=0.1),
        trial(1, width=16),
        trial(2, width=8, lr=3.0),
        trial(3, width=8, optimizer="adamw"),
        trial(4, width=8, batch_size=16),
        trial(5, width=8, seed=99, grad_clip=1.0),
    ]
    assert grouped(prob, ts, Regime()) == [[0, 2, 5], [1], [3], [4]]
    refusal = ENGINES["batched"].refuses(prob, ts[:2], Regime())
    assert refusal is not None
    assert "structure" in refusal


def test_parameters_that_are_frozen_or_unused_stay_as_they_are():
    class Partly(nn.Module):
        def __init__(self):
            super().__init__()
            self.frozen, self.unused, self.head = nn.Linear(5, 5), nn.Linear(5, 5), nn.Linear(5, CLASSES)
            self.frozen.requires_grad_(False)

        def forward(self, x):
            return self.head(self.frozen(x))

    prob = problem(build=lambda hp: Partly())
    ts = [trial(i, optimizer="adamw", weight_decay=0.5, lr=0.1) for i in range(2)]
    pool, _ = train("pool", prob, ts, 5)
    batched, _ = train("batched", prob, ts, 5)
    start, _ = train("batched", prob, ts, 0)
    assert apart(pool[0].parameters, batched[0].parameters) < 1e-12
    for name in ("frozen.weight", "unused.weight"):
        assert torch.equal(batched[0].parameters[name], start[0].parameters[name])


def test_tied_weights_learn_as_one():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.head = nn.Embedding(11, 8), nn.Linear(8, 11, bias=False)
            self.head.weight = self.embed.weight

        def forward(self, tokens):
            return self.head(self.embed(tokens).mean(1))

    prob = problem("attention", build=lambda hp: Tied())
    pool, _ = train("pool", prob, [trial(0), trial(1)], 8)
    batched, _ = train("batched", prob, [trial(0), trial(1)], 8)
    assert apart(pool[1].parameters, batched[1].parameters) < 1e-12


@both
def test_a_loss_of_model_and_batch_trains_and_is_probed(engine):
    def loss(model, batch):
        inputs, targets = batch
        return F.cross_entropy(model(inputs), targets) + 0.01 * model[0].weight.square().sum()

    prob = dataclasses.replace(problem(loss=Loss(loss, of_model=True)), metrics={})
    regime = Regime(eval_steps=(0, 60), eval_train=48, eval_val=20, probe=16)
    _, told = train(engine, prob, [trial(0), trial(1, lr=0.03)], 60, regime)
    losses = told.series(1, "train_loss")[1]
    assert losses[1] < losses[0]
    assert told.probed(1)[0].losses.shape == (2,)


@both
def test_zeroed_inputs_and_redrawn_targets_keep_the_samples_from_being_learned(engine):
    for changes in ({"zero_inputs": True}, {"redraw_targets": True}):
        regime = Regime(samples=tuple(range(12)), batch_size=12, eval_steps=(300,), eval_train=12, **changes)
        _, told = train(engine, problem(), [trial(0, lr=0.02, optimizer="adamw")], 300, regime)
        assert told.series(0, "train_accuracy")[1][-1] < 0.8


@both
def test_metrics_that_leave_torch_are_evaluated_too(engine):
    def sceptical(prediction, target):
        return float((prediction.argmax(1) == target).double().mean().item())

    prob = dataclasses.replace(problem(), metrics={"accuracy": sceptical})
    regime = Regime(eval_steps=(4,), eval_val=20)
    _, told = train(engine, prob, [trial(0), trial(1, lr=0.3)], 4, regime)
    _, plain = train(engine, problem(), [trial(0), trial(1, lr=0.3)], 4, regime)
    assert told.series(1, "val_accuracy")[1] == pytest.approx(plain.series(1, "val_accuracy")[1])


@both
@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (lambda p, t: F.cross_entropy(p, t, reduction="none"), "one number"),
        (lambda p, t: F.cross_entropy(p.detach(), t), "does not depend"),
        (lambda p, t: F.mse_loss(p @ torch.zeros(3, 3), t), "failed with"),
    ],
)
def test_faults_of_the_loss_are_told_in_one_sentence(engine, loss, words):
    with pytest.raises((TaskError, TrainingError), match=words) as raised:
        train(engine, problem(loss=loss), [trial(0)], 3)
    assert "\n" not in str(raised.value)


@both
def test_a_target_outside_the_classes_is_told_so(engine):
    prob = problem()
    inputs, targets = prob.train.samples
    wrong = dataclasses.replace(prob, train=ResidentSplit((inputs, targets + 3)))
    with pytest.raises(TaskError, match="outside the model's classes"):
        train(engine, wrong, [trial(0)], 3)


@both
def test_label_smoothing_needs_cross_entropy(engine):
    prob = problem(loss=lambda p, t: F.cross_entropy(p, t))
    with pytest.raises(TaskError, match="label_smoothing"):
        train(engine, prob, [trial(0, label_smoothing=0.1)], 1)


def test_a_builder_that_fails_is_told_with_its_hyperparameters():
    prob = problem(build=lambda hp: nn.Linear(5, hp.widht))
    with pytest.raises(TaskError, match=r"lr=0\.02.*width=3|Did you mean"):
        train("pool", prob, [trial(0, width=3)], 1)


@pytest.mark.parametrize(
    ("layer", "operator"),
    [
        (lambda: nn.LSTM(3, 6, 2, batch_first=True, dropout=0.3), "lstm"),
        (lambda: nn.GRU(3, 6, 2, batch_first=True, dropout=0.3), "gru"),
    ],
)
def test_dropout_inside_recurrent_layers_is_refused_but_trains_without_regularisation(layer, operator):
    prob = problem("gru", build=lambda hp: Recurrent(layer()))
    ts = [trial(0), trial(1)]
    refusal = ENGINES["batched"].refuses(prob, ts, Regime())
    assert refusal is not None
    assert operator in refusal
    assert ENGINES["batched"].refuses(prob, ts, Regime(regularised=False)) is None


def test_a_transformer_layer_is_evaluated_together_although_its_fused_inference_has_no_rule():
    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.head = nn.Embedding(11, 8), nn.Linear(8, CLASSES)
            self.layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)

        def forward(self, tokens):
            return self.head(self.layer(self.embed(tokens)).mean(1))

    prob, ts = problem("attention", build=lambda hp: Encoder()), [trial(0), trial(1, lr=0.1)]
    regime = Regime(eval_steps=(0, 5), eval_val=20)
    _, pool = train("pool", prob, ts, 5, regime)
    _, batched = train("batched", prob, ts, 5, regime)
    np.testing.assert_allclose(pool.series(1, "val_loss")[1], batched.series(1, "val_loss")[1], rtol=0, atol=1e-10)


def test_an_activation_checkpoint_meets_the_same_masks_again_in_the_backward_pass():
    from torch.utils.checkpoint import checkpoint

    class Saving(nn.Module):
        def __init__(self, saves):
            super().__init__()
            self.body = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Dropout(0.5))
            self.head, self.saves = nn.Linear(8, CLASSES), saves

        def forward(self, x):
            hidden = checkpoint(self.body, x, use_reentrant=False) if self.saves else self.body(x)
            return self.head(hidden)

    saved, _ = train("pool", problem(build=lambda hp: Saving(True)), [trial(0)], 5)
    plain, _ = train("pool", problem(build=lambda hp: Saving(False)), [trial(0)], 5)
    assert apart(saved[0].parameters, plain[0].parameters) < 1e-12
