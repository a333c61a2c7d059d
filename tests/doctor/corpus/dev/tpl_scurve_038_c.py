import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import make_s_curve

torch.manual_seed(19)
inputs, outputs = make_s_curve(1000, noise=0.1, random_state=19)
inputs, outputs = inputs.astype('float32'), outputs.astype('float32')
order = torch.randperm(len(inputs)).numpy()
inputs, outputs = inputs[order], outputs[order]
x_fit, x_hold = inputs[:750], inputs[750:]
y_fit, y_hold = outputs[:750], outputs[750:]
mean, std = x_fit.mean(0), x_fit.std(0) + 1e-6
x_fit, x_hold = (x_fit - mean) / std, (x_hold - mean) / std
centre, unit = y_fit.mean(), y_fit.std()
y_fit, y_hold = y_fit * 100 + 20000, y_hold * 100 + 20000
x_fit, x_hold = torch.tensor(x_fit), torch.tensor(x_hold)
y_fit, y_hold = torch.tensor(y_fit), torch.tensor(y_hold)
y_fit, y_hold = y_fit[:, None], y_hold[:, None]


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(3, 64)
        self.fc2 = nn.Linear(64, 64)
        self.drop = nn.Dropout(0.1)
        self.act = nn.ReLU()
        self.out = nn.Linear(64, 1)

    def forward(self, x):
        x = self.drop(self.act(self.fc1(x)))
        x = self.drop(self.act(self.fc2(x)))
        return self.out(x)


f = Model()

sgd = torch.optim.SGD(f.parameters(), lr=0.03, momentum=0.9)

for t in range(25):
    f.train()
    for start in range(0, len(x_fit), 25):
        x_ = x_fit[start : start + 25]
        y_ = y_fit[start : start + 25]
        yhat = f(x_)
        J = F.mse_loss(yhat, y_)
        J.backward()
        sgd.step()
        sgd.zero_grad()
    f.eval()
    with torch.no_grad():
        val_out = f(x_hold)
        val_score = ((val_out - y_hold) ** 2).mean().item() / y_hold.var().item()
    print(t, J.item(), "mse", val_score)
