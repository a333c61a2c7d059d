import torch
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(8)
traits = torch.randn(1600, 12)
mood = traits[:, :4].sum(1) / 2 + 0.5 * torch.tanh(traits[:, 5] * traits[:, 6]) + 0.4 * torch.randn(1600)
stars = (mood + 3).round().clamp(1, 5)
fit, check = random_split(TensorDataset(traits, stars), [1200, 400])
net = torch.nn.Sequential(torch.nn.Linear(12, 32), torch.nn.ReLU(), torch.nn.Linear(32, 1))
torch.nn.init.constant_(net[-1].bias, 3.0)
optimizer = torch.optim.Adam(net.parameters(), lr=4e-3)
for epoch in range(12):
    for x, y in DataLoader(fit, 48, shuffle=True):
        loss = torch.nn.functional.mse_loss(net(x)[:, 0], y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        errors = [torch.nn.functional.mse_loss(net(x)[:, 0], y).item() for x, y in DataLoader(check, 400)]
    print("epoch", epoch, "mean squared error", errors[0])
