import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler

torch.manual_seed(55)
feats, labs = load_digits(return_X_y=True)
feats, labs = feats.astype('float32'), labs.astype('int64')
order = torch.randperm(len(feats)).numpy()
feats, labs = feats[order], labs[order]
xtr, xva = feats[:1300], feats[1300:]
ytr, yva = labs[:1300], labs[1300:]
scaler = StandardScaler().fit(xtr)
xtr, xva = scaler.transform(xtr), scaler.transform(xva)
xtr, xva = torch.tensor(xtr), torch.tensor(xva)
ytr, yva = torch.tensor(ytr), torch.tensor(yva)


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in [(64, 32), (32, 32)])
        self.norms = nn.ModuleList(nn.LayerNorm(w) for w in [32, 32])
        self.act = nn.LeakyReLU()
        self.head = nn.Linear(32, 10)

    def forward(self, x):
        for layer, norm in zip(self.hidden, self.norms):
            x = self.act(norm(layer(x)))
        return self.head(x)


mlp = MLP()

objective = nn.CrossEntropyLoss()
optim = torch.optim.Adagrad(mlp.parameters(), lr=0.05)
lr_sched = torch.optim.lr_scheduler.ReduceLROnPlateau(optim, factor=0.5, patience=4)


class Trainer:
    """Holds what a training needs."""

    def __init__(self, epochs):
        self.epochs = epochs
        self.history = []

    def run(self):
        for i_epoch in range(self.epochs):
            mlp.train()
            for start in range(0, len(xtr), 32):
                bx = xtr[start : start + 32]
                by = ytr[start : start + 32]
                optim.zero_grad()
                scores = mlp(bx)
                err = objective(scores, by)
                err.backward()
                optim.step()
            mlp.eval()
            with torch.no_grad():
                val_out = mlp(xva)
                val_score = (val_out.argmax(1) == yva).float().mean().item()
            lr_sched.step(objective(val_out, yva).item())
            self.history.append(val_score)
            print(i_epoch, err.item(), "accuracy", val_score)
        return self.history


Trainer(10).run()
