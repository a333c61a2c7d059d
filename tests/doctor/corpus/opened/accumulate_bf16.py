import contextlib
import gzip

import numpy as np
import torch
from torch import nn

MICRO_BATCH = 16
ACCUM_STEPS = 4
EPOCHS = 7
LR = 1.5e-3
USE_AMP = True

torch.manual_seed(2024)


def idx(path, skip, count):
    with gzip.open(path) as handle:
        return torch.frombuffer(bytearray(handle.read(skip + count)), dtype=torch.uint8)[skip:]


base = "/usr/share/datasets/fashion-mnist/"
x = idx(base + "train-images-idx3-ubyte.gz", 16, 4000 * 784).view(-1, 1, 28, 28).float().div(255).sub(0.286).div(0.353)
y = idx(base + "train-labels-idx1-ubyte.gz", 8, 4000).long()
x_train, y_train, x_val, y_val = x[:3200], y[:3200], x[3200:], y[3200:]

model = nn.Sequential(
    nn.Conv2d(1, 16, 5, stride=2, padding=2), nn.GroupNorm(4, 16), nn.SiLU(),
    nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.GroupNorm(4, 32), nn.SiLU(),
    nn.Flatten(), nn.Dropout(0.5), nn.Linear(32 * 7 * 7, 10),
)
optimizer = torch.optim.AdamW(model.parameters(), lr=LR, weight_decay=0.02)
loss_fn = nn.CrossEntropyLoss()
amp = lambda: torch.autocast("cpu", dtype=torch.bfloat16) if USE_AMP else contextlib.nullcontext()

for epoch in range(EPOCHS):
    model.train()
    order = torch.randperm(len(x_train))
    seen_loss = []
    optimizer.zero_grad()
    for step, chunk in enumerate(order.split(MICRO_BATCH)):
        with amp():
            logits = model(x_train[chunk])
        loss = loss_fn(logits.float(), y_train[chunk])
        (loss / ACCUM_STEPS).backward()
        seen_loss.append(loss.item())
        if (step + 1) % ACCUM_STEPS == 0:
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()

    model.eval()
    with torch.inference_mode(), amp():
        logits = torch.cat([model(part) for part in x_val.split(200)]).float()
    val_loss = loss_fn(logits, y_val).item()
    val_acc = (logits.argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch}: train_loss={np.mean(seen_loss):.3f} val_loss={val_loss:.3f} val_acc={val_acc:.4f}")
