import os
import tempfile

import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from torch.utils.data import DataLoader, Subset, TensorDataset, random_split

torch.manual_seed(15)
X, y = make_classification(n_samples=2400, n_features=30, n_informative=10, n_redundant=5, n_classes=3,
                           n_clusters_per_class=2, class_sep=1.2, flip_y=0.03, random_state=15)
X = torch.tensor(X, dtype=torch.float32)
X = (X - X.mean(0)) / X.std(0)
dataset = TensorDataset(X, torch.tensor(y))
train_set, val_set, test_set = random_split(dataset, [160, 400, 1840], generator=torch.Generator().manual_seed(0))

train_loader = DataLoader(train_set, batch_size=64, shuffle=True)
val_loader = DataLoader(val_set, batch_size=200)
test_loader = DataLoader(test_set, batch_size=200)

model = nn.Sequential(
    nn.Linear(30, 64), nn.ELU(),
    nn.Linear(64, 32), nn.ELU(),
    nn.Linear(32, 3),
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3, weight_decay=1e-4)
checkpoint_path = os.path.join(tempfile.mkdtemp(), "best.pt")


def evaluate(loader):
    model.eval()
    loss, correct, total = 0.0, 0, 0
    with torch.no_grad():
        for xb, yb in loader:
            out = model(xb)
            loss += criterion(out, yb).item() * len(yb)
            correct += (out.argmax(1) == yb).sum().item()
            total += len(yb)
    return loss / total, correct / total


best = float("inf")
for epoch in range(180):
    model.train()
    train_loss = 0.0
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        train_loss += loss.item() * len(yb)
    val_loss, val_acc = evaluate(val_loader)
    flag = ""
    if val_loss < best:
        best = val_loss
        torch.save({"epoch": epoch, "model": model.state_dict(), "optimizer": optimizer.state_dict()}, checkpoint_path)
        flag = " *"
    print(f"epoch {epoch:2d} train {train_loss / len(train_set):.4f} val {val_loss:.4f} acc {val_acc:.4f}{flag}")

checkpoint = torch.load(checkpoint_path)
model.load_state_dict(checkpoint["model"])
print("restored epoch", checkpoint["epoch"])
print("test accuracy %.4f" % evaluate(test_loader)[1])
