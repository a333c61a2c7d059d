"""What people hand in as data arrives in the loss as their own loop would have it."""

from __future__ import annotations

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import goodfit as gf
from goodfit.opened import open_task

INPUTS = torch.arange(60.0).reshape(20, 3)
TARGET = torch.arange(20) % 2


def first_batch(train):
    task = gf.Task(
        name="t",
        model=lambda hp: nn.Linear(3, 2),
        data=gf.Data(train=train, val=train),
        loss=gf.model_loss(lambda model, batch: torch.zeros(())),
    )
    problem = open_task(task, torch.device("cpu")).problem
    return problem.train.fetch(torch.arange(4)), problem.default_batch_size


def test_a_loader_over_a_plain_list_gives_its_samples_not_a_batch_of_it():
    pairs = list(zip(INPUTS, TARGET, strict=True))
    (inputs, target), size = first_batch(DataLoader(pairs, batch_size=5, shuffle=True))
    assert torch.equal(inputs, INPUTS[:4])
    assert torch.equal(target, TARGET[:4])
    assert size == 5


def test_a_loader_over_records_gives_records():
    records = [{"image": x, "label": int(y)} for x, y in zip(INPUTS, TARGET, strict=True)]
    batch, _ = first_batch(DataLoader(records, batch_size=5))
    assert set(batch) == {"image", "label"}
    assert torch.equal(batch["image"], INPUTS[:4])
    assert torch.equal(batch["label"], TARGET[:4])


def test_a_loaders_own_collation_is_used_for_tensors_too():
    def doubled(samples):
        return {"x": torch.stack([2 * x for x, _ in samples]), "y": torch.stack([y for _, y in samples])}

    batch, _ = first_batch(DataLoader(TensorDataset(INPUTS, TARGET), batch_size=5, collate_fn=doubled))
    assert torch.equal(batch["x"], 2 * INPUTS[:4])
