import numpy as np
import torch
import torch.nn as nn

np.random.seed(50)
torch.manual_seed(50)

# made-up houses
n = 2000
area = np.random.uniform(40, 250, n)
rooms = np.round(area / 25 + np.random.randn(n)).clip(1, 10)
year = np.random.randint(1900, 2023, n)
distance = np.random.exponential(8, n)
price = 1800 * area * np.exp(-distance / 25) + 9000 * rooms + 400 * (year - 1900) + 25000 * (area > 150)
price = price * np.exp(0.1 * np.random.randn(n))

X = np.stack([area, rooms, year, distance], axis=1)
train_idx, val_idx = np.arange(1500), np.arange(1500, n)

x_mean, x_std = X[train_idx].mean(0), X[train_idx].std(0)
X = (X - x_mean) / x_std
y_mean, y_std = price[train_idx].mean(), price[train_idx].std()
Y = (price - y_mean) / y_std

X = torch.tensor(X, dtype=torch.float32)
Y = torch.tensor(Y, dtype=torch.float32).view(-1, 1)

model = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
criterion = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.9)
batch_size = 50

for epoch in range(30):
    np.random.shuffle(train_idx)
    epoch_loss = 0
    for start in range(0, len(train_idx), batch_size):
        idx = train_idx[start:start + batch_size]
        inputs, targets = X[idx], Y[idx]
        optimizer.zero_grad()
        outputs = model(inputs)
        loss = criterion(outputs, targets)
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() * len(idx)
    with torch.no_grad():
        val_loss = criterion(model(X[val_idx]), Y[val_idx]).item()
    if epoch % 3 == 2:
        print(f"Epoch {epoch + 1}, Loss: {epoch_loss / len(train_idx):.4f}, Val: {val_loss:.4f}")

with torch.no_grad():
    predicted = model(X[val_idx]).numpy().ravel() * y_std + y_mean
mae = np.abs(predicted - price[val_idx]).mean()
print("mean absolute error in thousands:", round(mae / 1000, 3))
