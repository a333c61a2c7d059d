"""Multi-label: which library names does a piece of source text use? The names themselves are blanked out."""
import glob
import os
import re
import zlib

import numpy as np
import torch
import torch.nn as nn

torch.manual_seed(40)
LABELS = ["os", "sys", "re", "time", "socket", "threading", "warnings", "collections"]
WORD = re.compile(r"[A-Za-z_]{3,}")
BUCKETS, CHUNK = 1024, 16


def chunks():
    for path in sorted(glob.glob(os.path.join(os.path.dirname(os.__file__), "**", "*.py"), recursive=True)):
        if "test" in path or "site-packages" in path or "idlelib" in path:
            continue
        with open(path, encoding="utf-8", errors="ignore") as f:
            lines = f.read().splitlines()
        for i in range(0, len(lines) - CHUNK, CHUNK):
            yield "\n".join(lines[i:i + CHUNK])


xs, ys = [], []
for piece in chunks():
    target = [float(re.search(r"\b%s\." % name, piece) is not None) for name in LABELS]
    if not any(target):
        continue
    row = np.zeros(BUCKETS, dtype=np.float32)
    for w in WORD.findall(piece):
        if w not in LABELS:
            row[zlib.crc32(w.encode()) % BUCKETS] = 1
    xs.append(row)
    ys.append(target)
x, y = torch.tensor(np.array(xs)), torch.tensor(ys)
order = torch.randperm(len(x))[:4200]
x, y = x[order], y[order]
cut = int(0.8 * len(x))
x_train, y_train, x_val, y_val = x[:cut], y[:cut], x[cut:], y[cut:]


def f1(scores, y):
    p = (scores > 0).float()
    return (2 * (p * y).sum() / (p.sum() + y.sum()).clamp_min(1)).item()


model = nn.Sequential(nn.Dropout(0.6), nn.Linear(BUCKETS, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, len(LABELS)))
loss_fn = nn.BCEWithLogitsLoss()
opt = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.15)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 9)
print(len(x), "pieces, share of each label", y.mean(0).numpy().round(2))
for epoch in range(9):
    model.train()
    for rows in torch.randperm(len(x_train)).split(50):
        opt.zero_grad()
        loss = loss_fn(model(x_train[rows]), y_train[rows])
        loss.backward()
        opt.step()
    sched.step()
    model.eval()
    with torch.no_grad():
        tr, out = loss_fn(model(x_train), y_train).item(), model(x_val)
        print("epoch %d train %.4f val %.4f micro F1 %.4f" % (epoch, tr, loss_fn(out, y_val).item(), f1(out, y_val)))
print("micro F1 %.4f" % f1(out, y_val))
