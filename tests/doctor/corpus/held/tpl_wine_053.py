import torch
from torch import nn
from sklearn.datasets import load_wine
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(85)
inputs, outputs = load_wine(return_X_y=True)
inputs, outputs = inputs.astype('float32'), outputs.astype('int64')
order = torch.randperm(len(inputs)).numpy()
inputs, outputs = inputs[order], outputs[order]
x_fit, x_hold = inputs[:130], inputs[130:]
y_fit, y_hold = outputs[:130], outputs[130:]
mean, std = x_fit.mean(0), x_fit.std(0) + 1e-6
x_fit, x_hold = (x_fit - mean) / std, (x_hold - mean) / std
x_fit, x_hold = torch.tensor(x_fit), torch.tensor(x_hold)
y_fit, y_hold = torch.tensor(y_fit), torch.tensor(y_hold)
loader = DataLoader(TensorDataset(x_fit, y_fit), batch_size=25, shuffle=True)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(13, 48)
        self.norm1 = nn.LayerNorm(48)
        self.act = nn.ELU()
        self.out = nn.Linear(48, 3)

    def forward(self, x):
        x = self.act(self.norm1(self.fc1(x)))
        return self.out(x)


f = Net()

cost = nn.CrossEntropyLoss()
sgd = torch.optim.RAdam(f.parameters(), lr=0.01)


def fit_epoch():
    for x_, y_ in loader:
        sgd.zero_grad()
        yhat = f(x_)
        J = cost(yhat, y_)
        J.backward()
        sgd.step()
    return J


def score():
    with torch.no_grad():
        val_out = f(x_hold)
        val_score = (val_out.argmax(1) == y_hold).float().mean().item()
    return val_score


for t in range(25):
    J = fit_epoch()
    val_score = score()
    print(t, J.item(), "accuracy", val_score)
