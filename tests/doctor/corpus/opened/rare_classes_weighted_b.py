import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_blobs
from sklearn.metrics import classification_report, f1_score

torch.manual_seed(5)
np.random.seed(5)
sizes = [2400, 150, 60]
centers = np.random.RandomState(5).normal(0, 1.0, (3, 12))
X, y = make_blobs(n_samples=sizes, centers=centers, cluster_std=1.6, random_state=5)
perm = np.random.permutation(len(y))
X, y = torch.tensor(X[perm], dtype=torch.float32), torch.tensor(y[perm])
X_train, y_train, X_test, y_test = X[:1800], y[:1800], X[1800:], y[1800:]

class_counts = torch.bincount(y_train).float()
class_weights = class_counts.sum() / (3 * class_counts)
print("class counts", class_counts.tolist(), "weights", class_weights.tolist())

model = nn.Sequential(nn.Linear(12, 24), nn.ReLU(), nn.Linear(24, 3))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.003, momentum=0.9, weight_decay=1e-2)

for epoch in range(12):
    model.train()
    losses = []
    for idx in torch.randperm(len(X_train)).split(64):
        optimizer.zero_grad()
        loss = criterion(model(X_train[idx]), y_train[idx])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        logits = model(X_test)
        pred = logits.argmax(1)
        val_loss = criterion(logits, y_test).item()
    print("epoch %d loss %.4f val loss %.4f accuracy %.4f" % (
        epoch, np.mean(losses), val_loss, (pred == y_test).float().mean().item()))

print(classification_report(y_test, pred, zero_division=0))
recalls = [(pred[y_test == c] == c).float().mean().item() for c in range(3)]
print("mean recall", np.mean(recalls))
