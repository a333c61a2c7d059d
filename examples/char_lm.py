"""A character-level language model of Python's own standard library: a GRU, and a small causal transformer.

The files are split as wholes: no piece of a validation file is trained on.
"""

import math
import sysconfig
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

import goodfit as gf

LENGTH = 64  # characters the model sees before each prediction, at most
CHARACTERS = "\n" + "".join(map(chr, range(32, 127)))  # all others become a space
VOCABULARY = len(CHARACTERS)


def tokens(text: str) -> torch.Tensor:
    table = {character: number for number, character in enumerate(CHARACTERS)}
    space = table[" "]
    return torch.tensor([table.get(character, space) for character in text])


def windows() -> list[torch.Tensor]:
    """Training, validation and test windows of LENGTH + 1 characters, int64 [n, LENGTH + 1]."""
    files = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))
    split: list[list[torch.Tensor]] = [[], [], []]
    for number, file in enumerate(files):
        text = tokens(file.read_text(encoding="utf-8", errors="replace"))
        part = {3: 1, 7: 2}.get(number % 10, 0)
        whole = len(text) // (LENGTH + 1)
        split[part].append(text[: whole * (LENGTH + 1)].view(whole, LENGTH + 1))
    return [torch.cat(part)[::stride] for part, stride in zip(split, (3, 4, 4), strict=True)]


def load_pairs() -> gf.Data:
    """Inputs [n, LENGTH] and the next characters [n, LENGTH]."""
    train, val, test = ((w[:, :-1].contiguous(), w[:, 1:].contiguous()) for w in windows())
    return gf.Data(train=train, val=val, test=test)


class GRU(nn.Module):
    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 64)
        self.gru = nn.GRU(64, width, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(width, VOCABULARY)

    def forward(self, text: torch.Tensor) -> torch.Tensor:
        hidden, _ = self.gru(self.embedding(text))
        return self.output(self.dropout(hidden)).mT  # [n, VOCABULARY, LENGTH], as cross-entropy takes it


class Block(nn.Module):
    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.mixed = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, length, width = x.shape
        q, k, v = (
            part.view(n, length, self.heads, width // self.heads).transpose(1, 2)
            for part in self.qkv(self.before_attention(x)).chunk(3, -1)
        )
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.dropout(self.mixed(attended.transpose(1, 2).reshape(n, length, width)))
        return x + self.dropout(self.mlp(self.before_mlp(x)))


class Transformer(nn.Module):
    def __init__(self, width: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, width)
        self.position = nn.Parameter(0.02 * torch.randn(LENGTH, width))
        self.blocks = nn.Sequential(*(Block(width, 4, dropout) for _ in range(layers)))
        self.last = nn.LayerNorm(width)
        self.output = nn.Linear(width, VOCABULARY)

    def forward(self, text: torch.Tensor) -> torch.Tensor:
        return self.output(self.last(self.blocks(self.embedding(text) + self.position)))


def next_character_loss(model: nn.Module, text: torch.Tensor) -> torch.Tensor:
    """The mean surprise over all characters but the first, in nats."""
    return F.cross_entropy(model(text[:, :-1]).flatten(0, 1), text[:, 1:].flatten())


gru = gf.Task(
    name="char-gru",
    model=lambda hp: GRU(hp.width, hp.dropout),
    data=load_pairs,
    loss=F.cross_entropy,
    metrics={"accuracy": gf.accuracy},
    objective="min val loss",
    space=gf.Space(
        lr=gf.log(1e-4, 1e-1),
        dropout=gf.linear(0.0, 0.3),
        width=gf.powers_of_two(64, 128),
        grad_clip=gf.log(0.1, 10.0),
    ),
    start={"optimizer": "adamw", "batch_size": 64, "width": 64, "dropout": 0.0, "grad_clip": 1.0},
)

transformer = gf.Task(
    name="char-transformer",
    model=lambda hp: Transformer(hp.width, hp.layers, hp.dropout),
    data=lambda: gf.Data(**dict(zip(("train", "val", "test"), windows(), strict=True))),
    loss=gf.model_loss(next_character_loss),
    expected_initial_loss=math.log(VOCABULARY),
    objective="min val loss",
    space=gf.Space(
        lr=gf.log(1e-4, 1e-1),
        weight_decay=gf.log(1e-3, 1.0, zero=0.25),
        dropout=gf.linear(0.0, 0.3),
        layers=gf.integer(1, 2),
        warmup=gf.linear(0.0, 0.1),
    ),
    start={"optimizer": "adamw", "batch_size": 64, "width": 64, "layers": 1, "dropout": 0.0},
)
