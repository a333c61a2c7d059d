import logging
import sys
import tempfile
from pathlib import Path

import torch
from sklearn.datasets import load_iris

folder = Path(tempfile.mkdtemp())
logging.basicConfig(filename=folder / "train.log", level=logging.INFO)
log = logging.getLogger("iris")
torch.manual_seed(0)

data = load_iris()
X = torch.as_tensor(data.data, dtype=torch.float32)
X = (X - X.mean(0)) / X.std(0)
Y = torch.as_tensor(data.target)
perm = torch.randperm(150)
train_idx, test_idx = perm[:110], perm[110:]


def build():
    m = torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3))
    o = torch.optim.Adam(m.parameters(), lr=0.02)
    return m, o


def train(m, o, first, last):
    for epoch in range(first, last):
        for chunk in train_idx[torch.randperm(110)].split(22):
            o.zero_grad()
            loss = torch.nn.functional.cross_entropy(m(X[chunk]), Y[chunk])
            loss.backward()
            o.step()
        log.info("epoch %d loss %.4f", epoch, loss)
    torch.save({"model": m.state_dict(), "optim": o.state_dict(), "epoch": last}, folder / "ckpt.pt")


model, optimizer = build()
train(model, optimizer, 0, 12)
model, optimizer = build()
state = torch.load(folder / "ckpt.pt")
model.load_state_dict(state["model"])
optimizer.load_state_dict(state["optim"])
train(model, optimizer, state["epoch"], 24)
with torch.no_grad():
    accuracy = (model(X[test_idx]).argmax(1) == Y[test_idx]).float().mean().item()
print(f"resumed at {state['epoch']}, accuracy {accuracy:.3f}")
sys.exit(0)
