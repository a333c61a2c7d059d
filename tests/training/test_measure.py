import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from goodfit.hyperparameters import Hyperparameters
from goodfit.training.measure.flow import measure_flow
from goodfit.training.measure.initial import measure_initial
from goodfit.training.measure.remedy import reinitialised
from goodfit.training.measure.sample import measure_sample
from goodfit.training.problem import Loss, Problem
from goodfit.training.splits import ResidentSplit

torch.set_num_threads(1)


def problem(build, inputs=None, target=None, loss=F.cross_entropy):
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(200, 6, generator=generator) if inputs is None else inputs
    target = torch.randint(3, (len(inputs),), generator=generator) if target is None else target
    split = ResidentSplit((inputs, target))
    return Problem(build, Loss(loss), {}, split, split)


def layers(hp):
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))


def test_a_healthy_net_gets_gradients_everywhere():
    flow = measure_flow(problem(layers), {}, 0)
    assert flow.has_graph
    assert (flow.cut, flow.unused, flow.frozen, flow.zero, flow.identical_units) == ((), (), (), (), ())
    assert flow.parameters == 4
    assert [layer.kind for layer in flow.layers] == ["Linear", "ReLU", "Linear"]
    assert not flow.inputs_change
    assert not flow.targets_change


def test_frozen_cut_and_unused_tensors_are_told_apart():
    class Parts(nn.Module):
        def __init__(self):
            super().__init__()
            self.frozen, self.cut, self.unused, self.last = (nn.Linear(6, 6) for _ in range(4))
            self.frozen.requires_grad_(False)

        def forward(self, x):
            return self.last(self.cut(self.frozen(x)).detach())

    flow = measure_flow(problem(lambda hp: Parts()), {}, 0)
    assert flow.frozen == ("frozen.weight", "frozen.bias")
    assert flow.cut == ("cut.weight", "cut.bias")
    assert flow.unused == ("unused.weight", "unused.bias")


def test_units_that_start_alike_and_stay_alike_are_told_but_a_zero_last_layer_is_not():
    def alike(hp):
        model = layers(hp)
        nn.init.constant_(model[0].weight, 0.1)
        nn.init.zeros_(model[0].bias)
        nn.init.constant_(model[2].weight, 0.1)
        return model

    def zero_last(hp):
        model = layers(hp)
        nn.init.zeros_(model[2].weight)
        return model

    assert measure_flow(problem(alike), {}, 0).identical_units == ("0.weight",)
    assert measure_flow(problem(zero_last), {}, 0).identical_units == ()


def test_dead_units_are_counted():
    def dead(hp):
        model = layers(hp)
        nn.init.constant_(model[0].bias, -100.0)
        return model

    flow = measure_flow(problem(dead), {}, 0)
    assert [layer.dead for layer in flow.layers if layer.kind == "ReLU"] == [1.0]


def test_first_losses_differ_by_seed_and_repeat_for_one():
    one, again = (measure_initial(problem(layers), {}, 5, seeds=2) for _ in range(2))
    assert [list(losses) for losses in one.losses] == [list(losses) for losses in again.losses]
    assert list(one.losses[0]) != list(one.losses[1])
    assert one.expected is not None
    assert one.expected.at_zero == pytest.approx(math.log(3), rel=1e-4)


def test_dropout_is_off_and_the_batch_s_statistics_are_used():
    def build(hp):
        return nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.Dropout(0.9), nn.ReLU(), nn.Linear(16, 3))

    shifted = problem(build, inputs=torch.randn(200, 6, generator=torch.Generator().manual_seed(1)) * 100 + 1000)
    measured = measure_initial(shifted, {}, 0)
    assert measured.output_sd is not None
    assert measured.output_sd < 1.0  # with running statistics, which know nothing yet, it would be hundreds


def test_the_tiny_sample_has_several_classes_and_no_conflicts():
    inputs = torch.arange(200).float()[:, None].repeat(1, 6)
    inputs[::2] = 0.0  # half of the samples are copies of each other, with any class
    target = torch.zeros(200, dtype=torch.long)
    target[::20] = 1
    target[5] = 2
    sample = measure_sample(problem(layers, inputs, target), {}, 0, count=20)
    assert len(sample.indices) == 20
    assert sample.conflicting == 0
    assert sample.distinct_targets is not None
    assert sample.distinct_targets >= 2
    assert sample.classes
    assert sample.floor == 0.0


def test_a_batch_that_is_no_pair_still_gives_a_sample():
    split = ResidentSplit({"x": torch.randn(50, 6)})
    sample = measure_sample(
        Problem(layers, Loss(lambda model, batch: model(batch["x"]).square().mean(), True), {}, split, split), {}, 0
    )
    assert len(sample.indices) == 20
    assert sample.distinct_targets is None
    assert sample.floor is None


def test_the_remedy_s_weights_have_he_s_spread():
    def tiny(hp):
        model = nn.Sequential(nn.Linear(400, 400), nn.ReLU(), nn.Linear(400, 3))
        for parameter in model.parameters():
            nn.init.normal_(parameter, std=1e-5)
        return model

    torch.manual_seed(0)
    first, bias, *_ = reinitialised(problem(tiny)).build(Hyperparameters({})).parameters()
    assert float(first.detach().std()) == pytest.approx(math.sqrt(2 / 400), rel=0.05)
    assert float(bias.detach().abs().max()) == 0.0
