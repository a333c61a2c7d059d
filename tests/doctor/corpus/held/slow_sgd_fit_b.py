import torch
import torch.nn as nn

torch.manual_seed(1)
X = torch.randn(1500, 5)
y = torch.sin(X[:, 0] * 1.5) + X[:, 1] * X[:, 2] * 0.5 - 0.3 * X[:, 3]
y = ((y - y.mean()) / y.std()).unsqueeze(1)
Xv, yv = X[1200:], y[1200:]
model = nn.Sequential(nn.Linear(5, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1))
opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
total_epochs = 8
for epoch in range(total_epochs):
    for i in torch.randperm(1200).split(60):
        opt.zero_grad()
        loss = nn.functional.mse_loss(model(X[i]), y[i])
        loss.backward()
        opt.step()
    with torch.no_grad():
        v = nn.functional.mse_loss(model(Xv), yv).item()
    print(f"epoch {epoch}: {loss.item():.4f} / {v:.4f}")
