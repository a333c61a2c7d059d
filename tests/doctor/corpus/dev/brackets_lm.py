# A language model of nested brackets; the model computes its own loss, as those of the hub do.
import random
from types import SimpleNamespace

import torch
import torch.nn as nn
import torch.nn.functional as F

random.seed(6)
torch.manual_seed(6)
SIGNS = "()[]{} "
CONTEXT = 24


def text(n):
    out, open_ones = [], []
    while len(out) < n:
        if open_ones and (len(open_ones) > 4 or random.random() < 0.55):
            out.append(SIGNS[SIGNS.index(open_ones.pop()) + 1])
        elif not open_ones and random.random() < 0.3:
            out.append(" ")
        else:
            open_ones.append(random.choice("([{"))
            out.append(open_ones[-1])
    return torch.tensor([SIGNS.index(c) for c in out])


class Model(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.embed = nn.Embedding(len(SIGNS), config.width)
        self.position = nn.Embedding(CONTEXT, config.width)
        self.qkv = nn.ModuleList(nn.Linear(config.width, 3 * config.width) for _ in range(config.layers))
        self.mlp = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(config.width), nn.Linear(config.width, 2 * config.width), nn.GELU(),
                          nn.Linear(2 * config.width, config.width)) for _ in range(config.layers))
        self.norm = nn.ModuleList(nn.LayerNorm(config.width) for _ in range(config.layers))
        self.lm_head = nn.Linear(config.width, len(SIGNS))

    def forward(self, input_ids, labels=None):
        x = self.embed(input_ids) + self.position(torch.arange(input_ids.shape[1]))
        for qkv, mlp, norm in zip(self.qkv, self.mlp, self.norm):
            q, k, v = qkv(norm(x)).chunk(3, dim=-1)
            x = x + F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + mlp(x)
        logits = self.lm_head(x)
        loss = None if labels is None else F.cross_entropy(logits.view(-1, len(SIGNS)), labels.reshape(-1))
        return {"loss": loss, "logits": logits}


train_text, eval_text = text(20000), text(4000)


def batch(source, size=32):
    at = torch.randint(len(source) - CONTEXT - 1, (size,))
    rows = torch.stack([source[i:i + CONTEXT + 1] for i in at])
    return {"input_ids": rows[:, :-1], "labels": rows[:, 1:]}


model = Model(SimpleNamespace(width=40, layers=2))
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
for step in range(300):
    loss = model(**batch(train_text))["loss"]
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    if step % 100 == 99:
        with torch.no_grad():
            print({"step": step + 1, "eval_loss": sum(model(**batch(eval_text))["loss"].item() for _ in range(10)) / 10})
