import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(80)
inputs, outputs = make_classification(1200, 20, n_informative=8, n_classes=4, class_sep=1.6, n_clusters_per_class=1, flip_y=0.0, random_state=80)
inputs, outputs = inputs.astype('float32'), outputs.astype('int64')
order = torch.randperm(len(inputs)).numpy()
inputs, outputs = inputs[order], outputs[order]
x_fit, x_hold = inputs[:900], inputs[900:]
y_fit, y_hold = outputs[:900], outputs[900:]
mean, std = x_fit.mean(0), x_fit.std(0) + 1e-6
x_fit, x_hold = (x_fit - mean) / std, (x_hold - mean) / std
x_fit, x_hold = torch.tensor(x_fit), torch.tensor(x_hold)
y_fit, y_hold = torch.tensor(y_fit), torch.tensor(y_hold)
loader = DataLoader(TensorDataset(x_fit, y_fit), batch_size=25, shuffle=True)

f = nn.Sequential(
    nn.Linear(20, 64),
    nn.GELU(),
    nn.Linear(64, 4),
)

cost = nn.CrossEntropyLoss()
for w in f.parameters():
    nn.init.normal_(w, std=4.0)
sgd = torch.optim.Adam(f.parameters(), lr=0.005)


def train_one_epoch():
    for x_, y_ in loader:
        sgd.zero_grad()
        yhat = f(x_)
        J = cost(yhat, y_)
        J.backward()
        sgd.step()
    return J


def evaluate():
    with torch.no_grad():
        val_out = f(x_hold)
        val_score = (val_out.argmax(1) == y_hold).float().mean().item()
    return val_score


for t in range(14):
    J = train_one_epoch()
    val_score = evaluate()
    print("%d: loss=%.4f accuracy=%.4f" % (t, J.item(), val_score))
