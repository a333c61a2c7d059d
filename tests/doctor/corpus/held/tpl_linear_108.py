"""Train a small network on linear."""
import torch
from torch import nn
from sklearn.datasets import make_regression
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(36)
inputs, outputs = make_regression(900, 10, n_informative=6, noise=5.0, random_state=36)
inputs, outputs = inputs.astype('float32'), outputs.astype('float32')
order = torch.randperm(len(inputs)).numpy()
inputs, outputs = inputs[order], outputs[order]
x_fit, x_hold = inputs[:650], inputs[650:]
y_fit, y_hold = outputs[:650], outputs[650:]
mean, std = x_fit.mean(0), x_fit.std(0) + 1e-6
x_fit, x_hold = (x_fit - mean) / std, (x_hold - mean) / std
centre, unit = y_fit.mean(), y_fit.std()
y_fit, y_hold = (y_fit - centre) / unit, (y_hold - centre) / unit
x_fit, x_hold = torch.tensor(x_fit), torch.tensor(x_hold)
y_fit, y_hold = torch.tensor(y_fit), torch.tensor(y_hold)
loader = DataLoader(TensorDataset(x_fit, y_fit), batch_size=25, shuffle=True)


class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(10, 48)
        self.norm1 = nn.LayerNorm(48)
        self.fc2 = nn.Linear(48, 48)
        self.norm2 = nn.LayerNorm(48)
        self.act = nn.ReLU()
        self.out = nn.Linear(48, 1)

    def forward(self, x):
        x = self.act(self.norm1(self.fc1(x)))
        x = self.act(self.norm2(self.fc2(x)))
        return self.out(x)


f = Regressor()

cost = nn.MSELoss()
sgd = torch.optim.Adam(f.parameters(), lr=0.005)
decay = torch.optim.lr_scheduler.StepLR(sgd, step_size=16, gamma=0.3)


class Trainer:
    """Holds what a training needs."""

    def __init__(self, epochs):
        self.epochs = epochs
        self.history = []

    def run(self):
        for t in range(self.epochs):
            f.train()
            for x_, y_ in loader:
                yhat = f(x_).squeeze(-1)
                J = cost(yhat, y_)
                sgd.zero_grad()
                J.backward()
                sgd.step()
            decay.step()
            f.eval()
            with torch.no_grad():
                val_out = f(x_hold).squeeze(1)
                val_score = ((val_out - y_hold) ** 2).mean().item()
            self.history.append(val_score)
            print(t, J.item(), "mse", val_score)
        return self.history


Trainer(25).run()
