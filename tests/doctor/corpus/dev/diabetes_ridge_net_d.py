"""Diabetes progression with a small, decayed network."""
import torch
import torch.nn as nn
from sklearn.datasets import load_diabetes

torch.manual_seed(8)
X, y = load_diabetes(return_X_y=True)
perm = torch.randperm(len(X))
X = torch.tensor(X, dtype=torch.float32)[perm]
y = torch.tensor(y, dtype=torch.float32)[perm]
ntrain = 250
X = (X - X[:ntrain].mean(0)) / X[:ntrain].std(0)
y = (y - y[:ntrain].mean()) / y[:ntrain].std()
y = y.view(-1, 1)
x_train, y_train, x_val, y_val = X[:ntrain], y[:ntrain], X[ntrain:], y[ntrain:]

width, decay, n_epochs = 12, 0.3, 1
net = nn.Sequential(nn.Linear(10, width), nn.Tanh(), nn.Linear(width, 1))
optimizer = torch.optim.AdamW(net.parameters(), lr=5e-3, weight_decay=decay)
criterion = nn.MSELoss()
history = {"train": [], "val": []}
for epoch in range(n_epochs):
    net.train()
    batch_losses = []
    for rows in torch.randperm(ntrain).split(25):
        optimizer.zero_grad()
        loss = criterion(net(x_train[rows]), y_train[rows])
        loss.backward()
        optimizer.step()
        batch_losses.append(loss.item())
    net.eval()
    with torch.no_grad():
        val_loss = criterion(net(x_val), y_val).item()
    history["train"].append(sum(batch_losses) / len(batch_losses))
    history["val"].append(val_loss)
    print(f"epoch {epoch} train {history['train'][-1]:.4f} val {val_loss:.4f}")
