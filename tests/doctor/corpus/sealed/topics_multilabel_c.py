"""Multi-label: which topics does a text have? Counts of 60 words, up to seven topics."""
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_multilabel_classification

torch.manual_seed(40)
counts, topics = make_multilabel_classification(n_samples=10000, n_features=60, n_classes=7, n_labels=2, length=60, random_state=40)
x = torch.tensor(np.log1p(counts), dtype=torch.float32)
y = torch.tensor(topics, dtype=torch.float32)
cut = 300
mean, std = x[:cut].mean(0), x[:cut].std(0)
x = (x - mean) / std
x_train, y_train, x_val, y_val = x[:cut], y[:cut], x[8000:], y[8000:]


def f1(scores, y):
    p = (scores > 0).float()
    return (2 * (p * y).sum() / (p.sum() + y.sum()).clamp_min(1)).item()


model = nn.Sequential(nn.Linear(60, 512), nn.ReLU(), nn.Linear(512, 7))
loss_fn = nn.BCEWithLogitsLoss()
opt = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.0)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 200)
print("share of each topic", y.mean(0).numpy().round(2))
for epoch in range(60):
    model.train()
    for rows in torch.randperm(cut).split(30):
        opt.zero_grad()
        loss = loss_fn(model(x_train[rows]), y_train[rows])
        loss.backward()
        opt.step()
    sched.step()
    model.eval()
    with torch.no_grad():
        tr, out = loss_fn(model(x_train), y_train).item(), model(x_val)
        print("epoch %d train %.4f val %.4f micro F1 %.4f" % (epoch, tr, loss_fn(out, y_val).item(), f1(out, y_val)))
print("validation loss %.4f" % loss_fn(out, y_val).item())
