# Power plant output from weather: ReduceLROnPlateau
import torch
import torch.nn as nn
import torch.optim as optim
from torch.utils.data import TensorDataset, DataLoader

torch.manual_seed(62)
N = 4000
T = 5 + 30 * torch.rand(N)
V = 25 + 1.5 * T + 6 * torch.randn(N)
P = 1013 + 6 * torch.randn(N)
RH = 100 - 1.2 * T + 12 * torch.randn(N)
PE = 500 - 1.5 * T - 0.25 * V - 0.02 * (T - 20) ** 2 * torch.sign(T - 20) + 0.06 * (P - 1013) - 0.12 * RH - 6 * torch.sigmoid((RH - 85) / 3) + 2.5 * torch.randn(N)
X = torch.stack([T, V, P, RH], dim=1)
X = (X - X[:3000].mean(dim=0)) / X[:3000].std(dim=0)
y = ((PE - PE[:3000].mean()) / PE[:3000].std()).unsqueeze(1)

train_loader = DataLoader(TensorDataset(X[:3000], y[:3000]), batch_size=50, shuffle=True)
X_test, y_test = X[3000:], y[3000:]

model = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 1))
criterion = nn.MSELoss()
optimizer = optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
scheduler = optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode='max', factor=0.1, patience=0)

for epoch in range(30):
    model.train()
    train_loss = 0
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        train_loss += loss.item() * len(xb)
    train_loss /= 3000
    model.eval()
    with torch.no_grad():
        test_loss = criterion(model(X_test), y_test).item()
    scheduler.step(test_loss)
    if epoch % 3 == 2:
        print(f'Epoch {epoch+1:3d} | train {train_loss:.5f} | test {test_loss:.5f} | lr {optimizer.param_groups[0]["lr"]:.5f}')
print(f'Test loss: {test_loss:.6f}')
