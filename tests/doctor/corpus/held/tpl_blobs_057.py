import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import make_blobs

torch.manual_seed(70)
feats, labs = make_blobs(1000, 12, centers=5, cluster_std=4.0, random_state=70)
feats, labs = feats.astype('float32'), labs.astype('int64')
order = torch.randperm(len(feats)).numpy()
feats, labs = feats[order], labs[order]
xtr, xva = feats[:750], feats[750:]
ytr, yva = labs[:750], labs[750:]
mean, std = xtr.mean(0), xtr.std(0) + 1e-6
xtr, xva = (xtr - mean) / std, (xva - mean) / std
xtr, xva = torch.tensor(xtr), torch.tensor(xva)
ytr, yva = torch.tensor(ytr), torch.tensor(yva)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in [(12, 32), (32, 32)])
        self.act = nn.Tanh()
        self.drop = nn.Dropout(0.1)
        self.head = nn.Linear(32, 5)

    def forward(self, x):
        for layer in self.hidden:
            x = self.drop(self.act(layer(x)))
        return self.head(x)


mlp = Net()

optim = torch.optim.SGD(mlp.parameters(), lr=0.1, momentum=0.9)
lr_sched = torch.optim.lr_scheduler.OneCycleLR(optim, max_lr=0.1, total_steps=180)


def train_one_epoch():
    mlp.train()
    for _ in range(15):
        idx = torch.randint(0, len(xtr), (50,))
        bx, by = xtr[idx], ytr[idx]
        optim.zero_grad()
        scores = mlp(bx)
        err = F.cross_entropy(scores, by)
        err.backward()
        optim.step()
        lr_sched.step()
    return err


def evaluate():
    mlp.eval()
    with torch.no_grad():
        val_out = mlp(xva)
        val_score = (val_out.argmax(1) == yva).float().mean().item()
    return val_score


for i_epoch in range(12):
    err = train_one_epoch()
    val_score = evaluate()
    print(f"{i_epoch} loss {err.item():.4f} val accuracy {val_score:.4f}")
