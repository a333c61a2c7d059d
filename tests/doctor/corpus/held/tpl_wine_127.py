"""Train a small network on wine."""
import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler

torch.manual_seed(12)
feats, labs = load_wine(return_X_y=True)
feats, labs = feats.astype('float32'), labs.astype('int64')
order = torch.randperm(len(feats)).numpy()
feats, labs = feats[order], labs[order]
xtr, xva = feats[:130], feats[130:]
ytr, yva = labs[:130], labs[130:]
scaler = StandardScaler().fit(xtr)
xtr, xva = scaler.transform(xtr), scaler.transform(xva)
xtr, xva = torch.tensor(xtr), torch.tensor(xva)
ytr, yva = torch.tensor(ytr), torch.tensor(yva)

mlp = nn.Sequential(
    nn.Linear(13, 32),
    nn.LeakyReLU(),
    nn.Linear(32, 32),
    nn.LeakyReLU(),
    nn.Linear(32, 3),
)

optim = torch.optim.RAdam(mlp.parameters(), lr=0.01)
lr_sched = torch.optim.lr_scheduler.StepLR(optim, step_size=16, gamma=0.3)


def train():
    mlp.train()
    for _ in range(3):
        idx = torch.randint(0, len(xtr), (50,))
        bx, by = xtr[idx], ytr[idx]
        optim.zero_grad()
        scores = mlp(bx)
        err = F.cross_entropy(scores, by)
        err.backward()
        optim.step()
    lr_sched.step()
    return err


def test():
    mlp.eval()
    with torch.no_grad():
        val_out = mlp(xva)
        val_score = (val_out.argmax(1) == yva).float().mean().item()
    return val_score


for i_epoch in range(25):
    err = train()
    val_score = test()
    print(f"{i_epoch} loss {err.item():.4f} val accuracy {val_score:.4f}")
