from copy import deepcopy

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import scale

torch.manual_seed(0)
X, y = load_breast_cancer(return_X_y=True)
X, y = torch.tensor(scale(X), dtype=torch.float32), torch.tensor(y)
shuffled = torch.randperm(len(X))
tr, te = shuffled[:400], shuffled[400:]


class EMA:
    """Slow copy of the weights, used for prediction."""

    def __init__(self, model, decay=0.95):
        self.model = deepcopy(model).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, source):
        for slow, fast in zip(self.model.parameters(), source.parameters()):
            slow.lerp_(fast, 1 - self.decay)
        for slow, fast in zip(self.model.buffers(), source.buffers()):
            slow.copy_(fast)


model = nn.Sequential(nn.Linear(30, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 2))
ema = EMA(model)
opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True)
for epoch in range(12):
    model.train()
    for idx in tr[torch.randperm(400)].split(40):
        loss = F.cross_entropy(model(X[idx]), y[idx])

        loss.backward()
        opt.step()
        ema.update(model)
    acc = (ema.model(X[te]).argmax(1) == y[te]).float().mean().item()
    print("epoch %d ema accuracy %.4f" % (epoch, acc))
