import numpy as np
import torch
from torch import nn
from sklearn.datasets import make_regression
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(70)
inputs, outputs = make_regression(900, 10, n_informative=6, noise=5.0, random_state=70)
inputs, outputs = inputs.astype('float32'), outputs.astype('float32')
order = torch.randperm(len(inputs)).numpy()
inputs, outputs = inputs[order], outputs[order]
x_fit, x_hold = inputs[:650], inputs[650:]
y_fit, y_hold = outputs[:650], outputs[650:]
scaler = StandardScaler().fit(x_fit)
x_fit, x_hold = scaler.transform(x_fit), scaler.transform(x_hold)
centre, unit = y_fit.mean(), y_fit.std()
y_fit, y_hold = (y_fit - centre) / unit, (y_hold - centre) / unit
x_fit, y_fit, x_hold, y_hold = map(torch.from_numpy, (x_fit, y_fit, x_hold, y_hold))
loader = DataLoader(TensorDataset(x_fit, y_fit), batch_size=40, shuffle=True)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(10, 24)
        self.norm1 = nn.LayerNorm(24)
        self.fc2 = nn.Linear(24, 24)
        self.norm2 = nn.LayerNorm(24)
        self.act = nn.SiLU()
        self.out = nn.Linear(24, 1)

    def forward(self, x):
        x = self.act(self.norm1(self.fc1(x)))
        x = self.act(self.norm2(self.fc2(x)))
        return self.out(x)


f = Model()

cost = nn.MSELoss()
sgd = torch.optim.RMSprop(f.parameters(), lr=0.002)

for t in range(25):
    f.train()
    for x_, y_ in loader:
        yhat = f(x_).view(-1)
        J = cost(yhat, y_)
        sgd.zero_grad()
        J.backward()
        sgd.step()
    f.eval()
    with torch.no_grad():
        val_out = f(x_hold).squeeze(1)
        val_score = ((val_out - y_hold) ** 2).mean().item()
    print(t, J.item(), "mse", val_score)
