import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_classification

torch.manual_seed(61)
inputs, outputs = make_classification(1200, 20, n_informative=8, n_classes=4, class_sep=1.6, n_clusters_per_class=1, flip_y=0.0, random_state=61)
inputs, outputs = inputs.astype('float32'), outputs.astype('int64')
order = torch.randperm(len(inputs)).numpy()
inputs, outputs = inputs[order], outputs[order]
x_fit, x_hold = inputs[:900], inputs[900:]
y_fit, y_hold = outputs[:900], outputs[900:]
mean, std = x_fit.mean(0), x_fit.std(0) + 1e-6
x_fit, x_hold = (x_fit - mean) / std, (x_hold - mean) / std
x_fit, x_hold = torch.tensor(x_fit), torch.tensor(x_hold)
y_fit, y_hold = torch.tensor(y_fit), torch.tensor(y_hold)


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in [(20, 64), (64, 64)])
        self.norms = nn.ModuleList(nn.BatchNorm1d(w) for w in [64, 64])
        self.act = nn.ReLU()
        self.head = nn.Linear(64, 4)

    def forward(self, x):
        for layer, norm in zip(self.hidden, self.norms):
            x = self.act(norm(layer(x)))
        return self.head(x)


f = MLP()

sgd = torch.optim.Adagrad(f.parameters(), lr=0.05)
decay = torch.optim.lr_scheduler.LambdaLR(sgd, lambda step: min(1.0, (step + 1) / 30))


def train():
    f.train()
    for _ in range(23):
        idx = torch.randint(0, len(x_fit), (40,))
        x_, y_ = x_fit[idx], y_fit[idx]
        yhat = f(x_)
        J = F.cross_entropy(yhat, y_)
        J.backward()
        sgd.step()
        sgd.zero_grad()
        decay.step()
    return J


def test():
    with torch.no_grad():
        val_out = f(x_hold)
        val_score = (val_out.argmax(1) == y_hold).float().mean().item()
    return val_score


for t in range(14):
    J = train()
    val_score = test()
    print(f"{t} loss {J.item():.4f} val accuracy {val_score:.4f}")
