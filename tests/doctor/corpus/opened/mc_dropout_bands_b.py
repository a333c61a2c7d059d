"""Regression with uncertainty bands: dropout stays on while predicting (Gal and Ghahramani, 2016)."""
import torch
import torch.nn as nn

torch.manual_seed(14)
x = torch.cat([torch.rand(300, 1) * 2 - 3, torch.rand(300, 1) * 2 + 0.5])
y = torch.sin(1.5 * x) + 0.1 * torch.randn_like(x)
order = torch.randperm(len(x))
x_train, y_train, x_val, y_val = x[order[:450]], y[order[:450]], x[order[450:]], y[order[450:]]

net = nn.Sequential(
    nn.Linear(1, 2), nn.ReLU(), nn.Dropout(0.05),
    nn.Linear(2, 1),
)
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3, weight_decay=1e-5)


def predict(inputs, samples=30):
    net.train()  # the samples differ because units are dropped
    with torch.no_grad():
        draws = torch.stack([net(inputs) for _ in range(samples)])
    return draws.mean(0), draws.std(0)


for epoch in range(40):
    net.train()
    total = 0.0
    for idx in torch.randperm(len(x_train)).split(32):
        loss = nn.functional.mse_loss(net(x_train[idx]), y_train[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    if epoch % 4 == 3:
        mean, std = predict(x_val)
        far = predict(torch.tensor([[-0.3], [5.0]]))[1].flatten().tolist()
        mse = ((mean - y_val) ** 2).mean().item()
        print(f"epoch {epoch + 1}: train {total / len(x_train):.4f}, spread at the data {std.mean().item():.3f}, "
              f"elsewhere {far[0]:.3f} {far[1]:.3f}, val mse {mse:.4f}")
