import torch
from torch import nn
from sklearn.datasets import make_swiss_roll

torch.manual_seed(33)
feats, labs = make_swiss_roll(1000, noise=0.3, random_state=33)
feats, labs = feats.astype('float32'), labs.astype('float32')
order = torch.randperm(len(feats)).numpy()
feats, labs = feats[order], labs[order]
xtr, xva = feats[:750], feats[750:]
ytr, yva = labs[:750], labs[750:]
mean, std = xtr.mean(0), xtr.std(0) + 1e-6
xtr, xva = (xtr - mean) / std, (xva - mean) / std
centre, unit = ytr.mean(), ytr.std()
ytr, yva = (ytr - centre) / unit, (yva - centre) / unit
xtr, xva = torch.tensor(xtr), torch.tensor(xva)
ytr, yva = torch.tensor(ytr), torch.tensor(yva)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(3, 48)
        self.fc2 = nn.Linear(48, 48)
        self.act = nn.Tanh()
        self.out = nn.Linear(48, 1)

    def forward(self, x):
        x = self.act(self.fc1(x))
        x = self.act(self.fc2(x))
        return self.out(x)


mlp = Net()

objective = nn.MSELoss()
optim = torch.optim.Adam(mlp.parameters(), lr=0.005)


class Trainer:
    """Holds what a training needs."""

    def __init__(self, epochs):
        self.epochs = epochs
        self.history = []

    def run(self):
        for i_epoch in range(self.epochs):
            mlp.train()
            for _ in range(19):
                idx = torch.randint(0, len(xtr), (40,))
                bx, by = xtr[idx], ytr[idx]
                scores = mlp(bx)
                err = objective(scores, by)
                optim.zero_grad()
                err.backward()
                optim.step()
            mlp.eval()
            with torch.no_grad():
                val_out = mlp(xva).squeeze(1)
                val_score = ((val_out - yva) ** 2).mean().item()
            self.history.append(val_score)
            print(i_epoch, err.item(), "mse", val_score)
        return self.history


Trainer(25).run()
