import torch
import torch.nn as nn
from sklearn.datasets import make_friedman1
from torch.utils.data import DataLoader, TensorDataset

SEED = 1234
torch.manual_seed(SEED)

X, y = make_friedman1(n_samples=3000, n_features=10, noise=1.0, random_state=SEED)
X = torch.from_numpy(X).float() * 2 - 1
y = torch.from_numpy(y).float().unsqueeze(1)
n_train, n_val = 2000, 500
y_mean, y_std = y[:n_train].mean(), y[:n_train].std()
y = (y - y_mean) / y_std
train_set = TensorDataset(X[:n_train], y[:n_train])
val_set = TensorDataset(X[n_train:n_train + n_val], y[n_train:n_train + n_val])
test_set = TensorDataset(X[n_train + n_val:], y[n_train + n_val:])


class Net(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(10, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Linear(width, 1),
        )

    def forward(self, x):
        return self.net(x).flatten()


def run_epoch(model, loader, criterion, optimizer=None):
    training = optimizer is not None
    model.train(training)
    total, count = 0.0, 0
    with torch.set_grad_enabled(training):
        for xb, yb in loader:
            loss = criterion(model(xb), yb)
            if training:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            total += loss.item() * len(yb)
            count += len(yb)
    return total / count


train_loader = DataLoader(train_set, batch_size=40, shuffle=True)
val_loader = DataLoader(val_set, batch_size=500)
test_loader = DataLoader(test_set, batch_size=500)

model = Net()
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, weight_decay=1e-4)
scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.3, patience=3)

for epoch in range(24):
    train_mse = run_epoch(model, train_loader, criterion, optimizer)
    val_mse = run_epoch(model, val_loader, criterion)
    scheduler.step(val_mse)
    print(f"epoch {epoch:3d}  train {train_mse:.4f}  val {val_mse:.4f}  lr {optimizer.param_groups[0]['lr']:.1e}")

print("test R2", 1 - run_epoch(model, test_loader, criterion) / test_set.tensors[1].var().item())
