"""Train a small network on digits."""
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler

torch.manual_seed(86)
feats, labs = load_digits(return_X_y=True)
feats, labs = feats.astype('float32'), labs.astype('int64')
order = torch.randperm(len(feats)).numpy()
feats, labs = feats[order], labs[order]
xtr, xva = feats[:1300], feats[1300:]
ytr, yva = labs[:1300], labs[1300:]
scaler = StandardScaler().fit(xtr)
xtr, xva = scaler.transform(xtr), scaler.transform(xva)
xtr, ytr, xva, yva = map(torch.from_numpy, (xtr, ytr, xva, yva))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in [(64, 48), (48, 48)])
        self.act = nn.ELU()
        self.drop = nn.Dropout(0.1)
        self.head = nn.Linear(48, 10)

    def forward(self, x):
        for layer in self.hidden:
            x = self.drop(self.act(layer(x)))
        return self.head(x)


mlp = Net()

optim = torch.optim.NAdam(mlp.parameters(), lr=0.004)
lr_sched = torch.optim.lr_scheduler.CosineAnnealingLR(optim, 10)


def train():
    mlp.train()
    for start in range(0, len(xtr), 40):
        bx = xtr[start : start + 40]
        by = ytr[start : start + 40]
        scores = mlp(bx)
        err = F.cross_entropy(scores, by)
        optim.zero_grad()
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


for i_epoch in range(10):
    err = train()
    val_score = test()
    print(f"{i_epoch} loss {err.item():.4f} val accuracy {val_score:.4f}")
