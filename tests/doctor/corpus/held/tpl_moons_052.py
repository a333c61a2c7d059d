import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_moons

torch.manual_seed(40)
feats, labs = make_moons(1000, noise=0.15, random_state=40)
feats, labs = feats.astype('float32'), labs.astype('int64')
order = torch.randperm(len(feats)).numpy()
feats, labs = feats[order], labs[order]
xtr, xva = feats[:750], feats[750:]
ytr, yva = labs[:750], labs[750:]
mean, std = xtr.mean(0), xtr.std(0) + 1e-6
xtr, xva = (xtr - mean) / std, (xva - mean) / std
xtr, xva = torch.tensor(xtr), torch.tensor(xva)
ytr, yva = torch.tensor(ytr), torch.tensor(yva)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(2, 48)
        self.drop = nn.Dropout(0.1)
        self.act = nn.Tanh()
        self.out = nn.Linear(48, 2)

    def forward(self, x):
        x = self.drop(self.act(self.fc1(x)))
        return self.out(x)


mlp = Classifier()

optim = torch.optim.RAdam(mlp.parameters(), lr=0.01)
lr_sched = torch.optim.lr_scheduler.ExponentialLR(optim, gamma=0.927)


def train_one_epoch():
    mlp.train()
    for _ in range(19):
        idx = torch.randint(0, len(xtr), (40,))
        bx, by = xtr[idx], ytr[idx]
        scores = mlp(bx)
        err = F.cross_entropy(scores, by)
        optim.zero_grad()
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


for i_epoch in range(25):
    err = train_one_epoch()
    val_score = evaluate()
    print("%d: loss=%.4f accuracy=%.4f" % (i_epoch, err.item(), val_score))
