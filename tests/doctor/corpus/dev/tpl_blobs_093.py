"""Train a small network on blobs."""
import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import make_blobs
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(50)
inputs, outputs = make_blobs(1000, 12, centers=5, cluster_std=4.0, random_state=50)
inputs, outputs = inputs.astype('float32'), outputs.astype('int64')
order = torch.randperm(len(inputs)).numpy()
inputs, outputs = inputs[order], outputs[order]
x_fit, x_hold = inputs[:750], inputs[750:]
y_fit, y_hold = outputs[:750], outputs[750:]
mean, std = x_fit.mean(0), x_fit.std(0) + 1e-6
x_fit, x_hold = (x_fit - mean) / std, (x_hold - mean) / std
x_fit, x_hold = torch.tensor(x_fit), torch.tensor(x_hold)
y_fit, y_hold = torch.tensor(y_fit), torch.tensor(y_hold)
loader = DataLoader(TensorDataset(x_fit, y_fit), batch_size=32, shuffle=True)


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(12, 24)
        self.norm1 = nn.LayerNorm(24)
        self.fc2 = nn.Linear(24, 24)
        self.norm2 = nn.LayerNorm(24)
        self.act = nn.SiLU()
        self.out = nn.Linear(24, 5)

    def forward(self, x):
        x = self.act(self.norm1(self.fc1(x)))
        x = self.act(self.norm2(self.fc2(x)))
        return self.out(x)


f = MLP()

sgd = torch.optim.Adam(f.parameters(), lr=0.005)
decay = torch.optim.lr_scheduler.CosineAnnealingLR(sgd, 12)


def fit_epoch():
    for x_, y_ in loader:
        yhat = f(x_)
        J = F.cross_entropy(yhat, y_)
        sgd.zero_grad()
        J.backward()
        sgd.step()
    decay.step()
    return J


def score():
    with torch.no_grad():
        val_out = f(x_hold)
        val_score = (val_out.argmax(1) == y_hold).float().mean().item()
    return val_score


for t in range(12):
    J = fit_epoch()
    val_score = score()
    print(t, J.item(), "accuracy", val_score)
