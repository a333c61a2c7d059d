import torch
import torch.nn as nn
from sklearn.datasets import make_friedman1
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(38)
feats, labs = make_friedman1(1200, 8, noise=0.5, random_state=38)
feats, labs = feats.astype('float32'), labs.astype('float32')
order = torch.randperm(len(feats)).numpy()
feats, labs = feats[order], labs[order]
xtr, xva = feats[:900], feats[900:]
ytr, yva = labs[:900], labs[900:]
mean, std = xtr.mean(0), xtr.std(0) + 1e-6
xtr, xva = (xtr - mean) / std, (xva - mean) / std
centre, unit = ytr.mean(), ytr.std()
ytr, yva = (ytr - centre) / unit, (yva - centre) / unit
xtr, xva = torch.tensor(xtr), torch.tensor(xva)
ytr, yva = torch.tensor(ytr), torch.tensor(yva)
loader = DataLoader(TensorDataset(xtr, ytr), batch_size=32, shuffle=True)


class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(8, 24)
        self.norm1 = nn.BatchNorm1d(24)
        self.fc2 = nn.Linear(24, 24)
        self.norm2 = nn.BatchNorm1d(24)
        self.act = nn.Tanh()
        self.out = nn.Linear(24, 1)

    def forward(self, x):
        x = self.act(self.norm1(self.fc1(x)))
        x = self.act(self.norm2(self.fc2(x)))
        return self.out(x)


mlp = Regressor()

objective = nn.MSELoss()
optim = torch.optim.RAdam(mlp.parameters(), lr=0.01)
lr_sched = torch.optim.lr_scheduler.ReduceLROnPlateau(optim, factor=0.5, patience=4)


class Trainer:
    """Holds what a training needs."""

    def __init__(self, epochs):
        self.epochs = epochs
        self.history = []

    def run(self):
        for i_epoch in range(self.epochs):
            mlp.train()
            for bx, by in loader:
                optim.zero_grad()
                scores = mlp(bx).squeeze(1)
                err = objective(scores, by)
                err.backward()
                nn.utils.clip_grad_norm_(mlp.parameters(), 5.0)
                optim.step()
            mlp.eval()
            with torch.no_grad():
                val_out = mlp(xva).squeeze(1)
                val_score = ((val_out - yva) ** 2).mean().item()
            lr_sched.step(objective(val_out, yva).item())
            self.history.append(val_score)
            print("%d: loss=%.4f mse=%.4f" % (i_epoch, err.item(), val_score))
        return self.history


Trainer(25).run()
