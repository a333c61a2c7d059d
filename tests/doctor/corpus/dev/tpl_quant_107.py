"""Train a small network on quant."""
import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import make_gaussian_quantiles
from sklearn.preprocessing import StandardScaler

torch.manual_seed(17)
feats, labs = make_gaussian_quantiles(n_samples=1200, n_features=4, n_classes=3, random_state=17)
feats, labs = feats.astype('float32'), labs.astype('int64')
order = torch.randperm(len(feats)).numpy()
feats, labs = feats[order], labs[order]
xtr, xva = feats[:900], feats[900:]
ytr, yva = labs[:900], labs[900:]
scaler = StandardScaler().fit(xtr)
xtr, xva = scaler.transform(xtr), scaler.transform(xva)
xtr, ytr, xva, yva = map(torch.from_numpy, (xtr, ytr, xva, yva))

mlp = nn.Sequential(
    nn.Linear(4, 32),
    nn.LeakyReLU(),
    nn.Linear(32, 32),
    nn.LeakyReLU(),
    nn.Linear(32, 3),
)

optim = torch.optim.SGD(mlp.parameters(), lr=0.2)
lr_sched = torch.optim.lr_scheduler.ExponentialLR(optim, gamma=0.939)


class Trainer:
    """Holds what a training needs."""

    def __init__(self, epochs):
        self.epochs = epochs
        self.history = []

    def run(self):
        for i_epoch in range(self.epochs):
            mlp.train()
            for start in range(0, len(xtr), 40):
                bx = xtr[start : start + 40]
                by = ytr[start : start + 40]
                optim.zero_grad()
                scores = mlp(bx)
                err = F.cross_entropy(scores, by)
                err.backward()
                optim.step()
            lr_sched.step()
            mlp.eval()
            with torch.no_grad():
                val_out = mlp(xva)
                val_score = (val_out.argmax(1) == yva).float().mean().item()
            self.history.append(val_score)
            print(f"{i_epoch} loss {err.item():.4f} val accuracy {val_score:.4f}")
        return self.history


Trainer(30).run()
