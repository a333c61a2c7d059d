"""Schedules, batches, structures, seeds, averages, probes: the parts that engines share."""

import functools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from training_cases import CLASSES, MODELS, apart, problem, train, trial

from goodfit.errors import DataError, TaskError
from goodfit.hyperparameters import Hyperparameters
from goodfit.training.batches import Feed, epoch_order, fixed_subset, zero_inputs
from goodfit.training.divergence import explosion_limit
from goodfit.training.evaluation import evaluate_model
from goodfit.training.optimizers import Choice
from goodfit.training.probing import probe, single_losses
from goodfit.training.problem import Loss
from goodfit.training.schedules import SHAPES, multipliers
from goodfit.training.splits import LazySplit, ResidentSplit, fetch_seeded
from goodfit.training.structure import build_model, describe, structure_of
from goodfit.training.trained import load_model
from goodfit.training.trial import Regime

torch.set_num_threads(1)


@given(st.sampled_from(sorted(SHAPES)), st.integers(1, 400), st.floats(0, 0.99))
def test_a_schedule_is_positive_at_most_one_and_as_long_as_asked(kind, steps, warmup):
    table = multipliers(kind, steps, warmup)
    assert (table.shape, table.dtype) == ((steps,), np.float64)
    assert (table >= 0).all()
    assert (table <= 1 + 1e-12).all()


@pytest.mark.parametrize("kind", [kind for kind in SHAPES if kind != "constant"])
def test_decays_end_at_a_hundredth_or_below(kind):
    assert multipliers(kind, 200, 0.1)[-1] <= 1e-2 * (1 + 1e-9)


@pytest.mark.parametrize("kind", SHAPES)
def test_warmup_rises_evenly_to_where_the_shape_begins(kind):
    table = multipliers(kind, 100, 0.1)
    assert np.allclose(np.diff(table[:11]), table[0])
    assert np.allclose(table[10:], multipliers(kind, 90))


def test_schedules_have_their_known_values():
    assert multipliers("cosine", 5).tolist() == pytest.approx([1.0, 0.8535534, 0.5, 0.1464466, 0.0], abs=1e-7)
    assert multipliers("linear", 5).tolist() == [1.0, 0.75, 0.5, 0.25, 0.0]
    assert multipliers("exponential", 3).tolist() == pytest.approx([1.0, 0.1, 0.01])
    assert np.unique(multipliers("step", 400).round(6)).tolist() == [0.001, 0.01, 0.1, 1.0]


def test_an_unknown_schedule_is_told_with_the_known_ones():
    with pytest.raises(TaskError, match="cosine"):
        multipliers("cosin", 10)


def test_optimizer_defaults_are_adamw_and_pytorchs():
    choice = Choice.read({"lr": 0.1})
    assert (choice.kind, choice.beta1, choice.beta2, choice.eps, choice.weight_decay) == ("adamw", 0.9, 0.999, 1e-8, 0)
    assert Choice.read({"optimizer": "sgd"}).momentum == 0.9
    assert Choice.read({"weight_decay": 0.3}, regularised=False).weight_decay == 0.0
    for wrong in ({"optimizer": "adma"}, {"lr": -1.0}, {"momentum": 1.0, "optimizer": "sgd"}, {"lr": float("nan")}):
        with pytest.raises(TaskError):
            Choice.read(wrong)


@given(st.integers(1, 60), st.integers(1, 70), st.integers(0, 2**62))
def test_an_epoch_shows_each_sample_at_most_once(size, batch_size, seed):
    feed = Feed(problem(samples=size), Regime(), batch_size)
    seen = torch.cat([feed.indices(seed, step) for step in range(feed.steps_per_epoch)])
    assert len(seen.unique()) == len(seen)
    assert len(seen) == (size // batch_size * batch_size if batch_size <= size else size)
    assert not torch.equal(epoch_order(1, 0, 50), epoch_order(1, 1, 50))


def test_fixed_subsets_depend_on_the_size_alone_and_hold_each_sample_once():
    subset = fixed_subset(1000, 100)
    assert torch.equal(subset, fixed_subset(1000, 100))
    assert len(subset.unique()) == 100
    assert torch.equal(fixed_subset(30, 100), torch.arange(30))


def test_training_on_chosen_samples_shows_no_others():
    chosen = (3, 8, 21, 40, 41, 50)
    feed = Feed(problem(), Regime(samples=chosen), 4)
    assert {int(i) for step in range(20) for i in feed.indices(1, step)} == set(chosen)


def test_zeroed_inputs_keep_shapes_types_and_targets():
    batch = {"tokens": torch.ones(3, 2, dtype=torch.int64), "labels": torch.tensor([1, 2, 3])}
    zeroed = zero_inputs(batch)
    assert zeroed["tokens"].eq(0).all()
    assert zeroed["tokens"].dtype == torch.int64
    assert torch.equal(zeroed["labels"], batch["labels"])
    with pytest.raises(TaskError, match="inputs from targets"):
        zero_inputs(torch.ones(3))


class Augmented(torch.utils.data.Dataset):
    def __len__(self):
        return 40

    def __getitem__(self, index):
        noise = torch.rand(5) + np.random.rand()
        return noise + index, index % CLASSES


def test_what_a_dataset_draws_is_seeded_by_trial_and_step_and_disturbs_no_one():
    split = LazySplit(Augmented(), dtype=torch.float64)
    indices = torch.tensor([4, 2])
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    first = fetch_seeded(split, indices, 7, 3)
    assert torch.equal(torch.rand(1), expected)
    assert torch.equal(fetch_seeded(split, indices, 7, 3)[0], first[0])
    assert not torch.equal(fetch_seeded(split, indices, 7, 4)[0], first[0])
    assert first[0].dtype == torch.float64


def test_a_lazy_data_set_trains_alike_in_both_engines():
    import dataclasses

    lazy = LazySplit(Augmented(), dtype=torch.float64)
    prob = dataclasses.replace(problem(), train=lazy, val=lazy)
    ts = [trial(0, lr=0.001), trial(1, seed=8, lr=0.001)]
    pool, _ = train("pool", prob, ts, 6)
    batched, _ = train("batched", prob, ts, 6)
    assert apart(pool[1].parameters, batched[1].parameters) < 1e-12


def test_tensors_of_different_lengths_are_no_split():
    with pytest.raises(DataError, match="first length"):
        ResidentSplit((torch.ones(3), torch.ones(4)))


def built(build, **hyperparameters):
    return build_model(build, hyperparameters, 0)


def test_dropout_rates_are_no_part_of_the_structure_and_other_settings_are():
    def build(hp):
        model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(hp.p), nn.LeakyReLU(hp.slope), nn.Linear(4, 2))
        model.activation = functools.partial(F.leaky_relu, negative_slope=hp.slope)
        return model

    one = structure_of(built(build, p=0.1, slope=0.2, lr=1))
    assert one == structure_of(built(build, p=0.9, slope=0.2, lr=5))
    assert one != structure_of(built(build, p=0.1, slope=0.3, lr=1))


def test_code_that_closes_over_values_is_part_of_the_structure():
    def build(hp):
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.layer = nn.Linear(3, 3)

            def forward(self, x):
                return self.layer(x) * hp.scale

        return Net()

    assert structure_of(built(build, scale=2, lr=1)) == structure_of(built(build, scale=2, lr=9))
    assert structure_of(built(build, scale=2)) != structure_of(built(build, scale=3))


@pytest.mark.parametrize("kind", [nn.ReLU, nn.Tanh])
def test_activations_and_trainability_are_part_of_the_structure(kind):
    plain = nn.Sequential(nn.Linear(3, 3), nn.ReLU())
    other = nn.Sequential(nn.Linear(3, 3), kind())
    assert (structure_of(plain) == structure_of(other)) == (kind is nn.ReLU)
    other[0].bias.requires_grad_(False)
    assert structure_of(plain) != structure_of(other)


def test_a_structure_names_no_address():
    lines = describe(built(MODELS["cnn"], dropout=0.1))
    assert not any("0x" in line for line in lines)


def test_building_depends_on_the_seed_alone_and_disturbs_no_generator():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one = build_model(MODELS["mlp"], {"dropout": 0.1}, 3)
    assert torch.equal(torch.rand(1), expected)
    two = build_model(MODELS["mlp"], {"dropout": 0.1}, 3)
    other = build_model(MODELS["mlp"], {"dropout": 0.1}, 4)
    assert torch.equal(one[0].weight, two[0].weight)
    assert not torch.equal(one[0].weight, other[0].weight)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda hp: nn.LazyLinear(3), "lazy"),
        (lambda hp: nn.ReLU(), "no parameter"),
        (lambda hp: 3, "got int"),
        (lambda hp: nn.Linear(hp.wide, 3), "wide"),
    ],
)
def test_what_cannot_be_trained_is_told_when_it_is_built(build, words):
    with pytest.raises(TaskError, match=words):
        build_model(build, {"width": 3}, 0)


def test_explosion_is_judged_by_the_first_loss_only_where_that_is_a_scale():
    assert explosion_limit(2.0, 3.0, 0.0, 10.0, lambda: 0.1) == 6.0
    assert explosion_limit(-1.0, 3.0, -9.0, 10.0, lambda: 0.1) == pytest.approx(0.0)
    assert explosion_limit(1e-6, 3.0, 0.0, 10.0, lambda: 0.1) == pytest.approx(1.0, abs=1e-5)


def test_single_losses_average_to_the_batch_loss_also_where_vmap_cannot_go():
    prediction, target = torch.randn(6, CLASSES), torch.randint(0, CLASSES, (6,))

    def branching(p, t):
        return F.cross_entropy(p, t) if float(p.sum()) > -1e9 else p.sum()

    for function in (F.cross_entropy, branching):
        losses = single_losses(function, prediction, target)
        assert losses.dtype == np.float64
        assert losses.mean() == pytest.approx(F.cross_entropy(prediction, target).item(), abs=1e-6)


def test_a_probe_counts_dead_units_and_the_spread_of_outputs():
    model = nn.Sequential(nn.Linear(5, 10), nn.ReLU(), nn.Linear(10, CLASSES))
    with torch.no_grad():
        model[0].bias[:4] = -1e6
    batch = torch.randn(32, 5), torch.randint(0, CLASSES, (32,))
    probed = probe(model, Loss(F.cross_entropy), batch, 0, 0)
    assert probed.dead_fraction == pytest.approx(0.4)
    assert probed.output_spread == pytest.approx(model(batch[0]).std(0).square().mean().sqrt().item(), rel=1e-5)
    with torch.no_grad():
        model[2].weight.zero_()
    assert probe(model, Loss(F.cross_entropy), batch, 0, 0).output_spread == 0


def test_a_trained_state_is_evaluated_and_given_back_as_the_builder_made_it():
    prob = problem("cnn")
    t = trial(0, dropout=0.3, ema_decay=0.9)
    regime = Regime(eval_steps=(9,), eval_val=20)
    (state,), told = train("batched", prob, [t], 9, regime)
    for suffix, averaged in (("", False), (".averaged", True)):
        model = load_model(prob.build, t.hyperparameters, t.seed, state, averaged)
        seen = evaluate_model(model, prob.loss, prob.metrics, prob.val.fetch, torch.arange(20))
        assert seen["loss"] == pytest.approx(told.series(0, f"val_loss{suffix}")[1][0], abs=1e-12)
        assert seen["accuracy"] == pytest.approx(told.series(0, f"val_accuracy{suffix}")[1][0])
    model = load_model(prob.build, t.hyperparameters, t.seed, state)
    assert any(type(module) is nn.Dropout for module in model.modules())
    assert not model.training
    assert model.state_dict().keys() == MODELS["cnn"](Hyperparameters({"dropout": 0.3})).state_dict().keys()


def test_a_state_of_another_model_is_refused():
    (state,), _ = train("pool", problem("mlp"), [trial(0)], 1)
    with pytest.raises(TaskError, match="does not fit"):
        load_model(MODELS["cnn"], {"dropout": 0.1}, 0, state)
    with pytest.raises(TaskError, match="ema_decay"):
        load_model(MODELS["mlp"], {"dropout": 0.1}, 0, state, averaged=True)
