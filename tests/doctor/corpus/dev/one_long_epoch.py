import torch
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(44)
w = torch.randn(20)
X = torch.randn(24000, 20)
y = (X @ w / 4 + 0.3 * torch.randn(24000) > 0).long()
train, test = TensorDataset(X[:22000], y[:22000]), TensorDataset(X[22000:], y[22000:])
model = torch.nn.Sequential(torch.nn.Linear(20, 32), torch.nn.ReLU(), torch.nn.Linear(32, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
criterion = torch.nn.CrossEntropyLoss()
for step, (xb, yb) in enumerate(DataLoader(train, batch_size=64, shuffle=True)):
    optimizer.zero_grad()
    loss = criterion(model(xb), yb)
    loss.backward()
    optimizer.step()
    if step % 100 == 0:
        print(step, loss.item())
model.eval()
with torch.no_grad():
    hits = sum((model(xb).argmax(1) == yb).sum().item() for xb, yb in DataLoader(test, batch_size=500))
print("accuracy", hits / len(test))
