import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_diabetes
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(0)

data = load_diabetes()
X = torch.tensor(data.data, dtype=torch.float32)
y = torch.tensor(data.target, dtype=torch.float32)

X = (X - X.mean(0)) / X.std(0)
y_mean, y_std = y.mean(), y.std()

dataset = TensorDataset(X, y)
train_set, val_set = random_split(dataset, [342, 100])
train_dl = DataLoader(train_set, batch_size=16, shuffle=True)
val_dl = DataLoader(val_set, batch_size=100)


class Regressor(nn.Module):
    def __init__(self):
        super(Regressor, self).__init__()
        self.fc1 = nn.Linear(10, 16)
        self.fc2 = nn.Linear(16, 1)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        return self.fc2(x)


model = Regressor()
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003, weight_decay=1e-2)

for epoch in range(16):
    model.train()
    running = 0.0
    for xb, yb in train_dl:
        pred = model(xb).squeeze(-1)
        loss = criterion(pred, yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item() * len(xb)

    model.eval()
    with torch.no_grad():
        se = 0.0
        for xb, yb in val_dl:
            out = model(xb).squeeze(-1)
            se += ((out - yb) ** 2).sum().item()
    print("Epoch {}: train MSE {:.4f}, val MSE {:.4f}".format(epoch + 1, running / len(train_set), se / len(val_set)))

# back in the original units
with torch.no_grad():
    xs = torch.stack([x for x, _ in val_set])
    ys = torch.stack([t for _, t in val_set]) 
    out = model(xs).squeeze(-1)
print("val RMSE", ((out - ys) ** 2).mean().sqrt().item())
