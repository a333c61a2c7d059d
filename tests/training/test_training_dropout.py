"""Masks from counters: their statistics, what they depend on, and torch against numpy."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from goodfit.training.counter import kept, keys, mixed_array, threshold_of
from goodfit.training.dropout import CounterDropout, begin_step, counter_dropouts, exchange_dropout
from goodfit.training.seeds import DROPOUT, mixed

COUNT = 200_000


def mask(key, p, use=0, count=COUNT):
    threshold = torch.tensor(threshold_of(p), dtype=torch.int32)
    return -kept(count, torch.from_numpy(key), use, threshold)


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=5))
def test_the_mixer_over_arrays_is_the_mixer(words):
    assert int(mixed_array(*words)) == mixed(*words)


def test_keys_are_cut_from_the_mixed_words_and_the_second_is_odd():
    table = keys([7, 2**62], range(5, 8), 2)
    assert (table.shape, table.dtype) == ((3, 2, 2, 2), np.int32)
    word = mixed(2**62, DROPOUT, 6, 1)
    assert table[1, 1, 1].view(np.uint32).tolist() == [word & 0xFFFFFFFF, (word >> 31) & 0xFFFFFFFF | 1]
    assert (table[..., 1] % 2 != 0).all()


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_the_share_dropped_is_p(p):
    for key in keys([1], range(5), 1)[:, 0, 0]:
        share = 1.0 - mask(key, p).double().mean().item()
        sd = np.sqrt(p * (1 - p) / COUNT)
        assert abs(share - p) <= 4 * sd  # exact at 0 and 1


def test_masks_of_other_steps_trials_layers_and_uses_are_independent():
    table = keys([1, 2, 3], range(4), 2).reshape(-1, 2)
    masks = [mask(key, 0.5) for key in table] + [mask(table[0], 0.5, use=1), mask(table[0], 0.5, use=2)]
    correlation = np.corrcoef(torch.stack(masks).double().numpy())
    off = correlation[~np.eye(len(masks), dtype=bool)]
    assert np.abs(off).max() < 5 / np.sqrt(COUNT)


def test_neighbours_within_a_mask_are_independent():
    draws = mask(keys([5], range(1), 1)[0, 0, 0], 0.5).double().numpy() - 0.5
    for lag in (1, 2, 7, 32, 64, 256, 1024):
        assert abs((draws[:-lag] * draws[lag:]).mean() / 0.25) < 5 / np.sqrt(COUNT)


def test_row_and_column_counts_spread_as_coin_tosses_do():
    draws = torch.stack([mask(key, 0.3, count=32 * 256) for key in keys([9], range(200), 1)[:, 0, 0]]).double()
    by_element = draws.mean(0)  # over steps: no element is dropped more often than the others
    assert by_element.var().item() == pytest.approx(0.3 * 0.7 / 200, rel=0.1)
    by_step = draws.mean(1)
    assert by_step.var().item() == pytest.approx(0.3 * 0.7 / (32 * 256), rel=0.5)


def test_torch_under_vmap_and_numpy_agree_bit_for_bit():
    table = keys([1, 2, 3], range(1), 1)[0, :, 0]
    threshold = torch.tensor(threshold_of(0.4), dtype=torch.int32)
    together = torch.func.vmap(lambda key: kept(1000, key, 3, threshold))(torch.from_numpy(table))
    with np.errstate(over="ignore"):
        index = np.arange(1000, dtype=np.uint32) + np.uint32(1)
        for factor in (0x85EBCA6B, 0xC2B2AE35):
            index = (index ^ (index >> np.uint32(16))) * np.uint32(factor)
        index = (index ^ (index >> np.uint32(16))).view(np.int32)
        for row, key in enumerate(table):
            stride = np.array((3 * 0x9E3779B9) & 0xFFFFFFFF, dtype=np.uint32).view(np.int32)
            bits = (index ^ (key[0] + stride)) * key[1]
            bits = (bits ^ (bits >> 16)) * np.int32(0x2C1B3C6D)
            assert np.array_equal(together[row].numpy(), (np.int32(threshold_of(0.4)) - (bits >> 1)) >> 31)


def test_a_layer_used_twice_drops_differently_and_begins_anew_each_step():
    layer = exchange_dropout(nn.Dropout(0.5))
    assert isinstance(layer, CounterDropout)
    x = torch.ones(100)
    first, second = layer(x), layer(x)
    assert not torch.equal(first, second)
    begin_step([layer])
    assert torch.equal(layer(x), first)
    assert set(first.unique().tolist()) == {0.0, 2.0}


def test_channels_drop_together():
    for kind, shape in ((nn.Dropout1d, (64, 8, 5)), (nn.Dropout2d, (64, 8, 4, 4)), (nn.Dropout3d, (64, 8, 2, 3, 2))):
        out = exchange_dropout(kind(0.5))(torch.ones(shape)).flatten(2)
        assert ((out == 0).all(2) | (out == 2).all(2)).all()
        assert 0.3 < (out[..., 0] == 0).double().mean() < 0.7


def test_evaluation_keeps_everything_and_p_one_drops_everything():
    layer, x = exchange_dropout(nn.Dropout(1.0)), torch.randn(5, 5)
    assert torch.equal(layer(x), torch.zeros(5, 5))
    assert torch.equal(layer.eval()(x), x)


def test_every_dropout_is_exchanged_once_and_leaves_no_trace_in_the_state():
    shared = nn.Dropout(0.3)
    model = nn.Sequential(nn.Linear(2, 2), shared, nn.ModuleDict({"a": nn.Sequential(nn.Dropout2d(0.1))}), shared)
    names = set(model.state_dict())
    exchange_dropout(model)
    assert not any(type(module) in (nn.Dropout, nn.Dropout2d) for module in model.modules())
    assert model[1] is model[3]
    assert [dropout.p for dropout in counter_dropouts(model).values()] == [0.3, 0.1]
    assert set(model.state_dict()) == names
