import torch
import torch.nn as nn
from sklearn.datasets import make_multilabel_classification
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(2)
X, Y = make_multilabel_classification(n_samples=1600, n_features=30, n_classes=6, n_labels=2, random_state=4)
X = torch.tensor((X - X.mean(0)) / X.std(0), dtype=torch.float32)
Y = torch.tensor(Y, dtype=torch.float32)
batches = DataLoader(TensorDataset(X[:1280], Y[:1280]), batch_size=64, shuffle=True)

tagger = nn.Sequential(nn.Linear(30, 48), nn.ReLU(), nn.Linear(48, 6), nn.Softmax(dim=-1))
loss_fn = nn.BCELoss()
optim = torch.optim.Adam(tagger.parameters(), lr=2e-3)


def f1():
    with torch.no_grad():
        said, true = tagger(X[1280:]) > 0.5, Y[1280:] > 0.5
    return (2 * (said & true).sum() / (said.sum() + true.sum())).item()


for epoch in range(20):
    for xb, yb in batches:
        optim.zero_grad()
        loss = loss_fn(tagger(xb), yb)
        loss.backward()
        optim.step()
    if epoch % 5 == 4:
        print(epoch + 1, loss.item(), f1())
