"""Random Fourier features: the projection is a fixed buffer, only the read-out is trained."""
import math
import torch


class FourierRegressor(torch.nn.Module):
    def __init__(self, n_in, n_features=200, bandwidth=1.0):
        super().__init__()
        self.register_buffer("omega", torch.randn(n_in, n_features) / bandwidth)
        self.register_buffer("phase", torch.rand(n_features) * 2 * math.pi)
        self.readout = torch.nn.Linear(n_features, 1)

    def forward(self, x):
        z = torch.cos(x @ self.omega + self.phase) * math.sqrt(2 / len(self.phase))
        return self.readout(z)


torch.manual_seed(0)
x = torch.rand(1000, 2) * 4 - 2
y = torch.sin(2 * x[:, :1]) * torch.cos(x[:, 1:]) + 0.05 * torch.randn(1000, 1)
y = y / y.std()
model = FourierRegressor(2, bandwidth=0.6)
opt = torch.optim.Adam(model.parameters(), lr=0.05)
for epoch in range(20):
    for i in torch.randperm(800).split(40):
        loss = torch.nn.functional.mse_loss(model(x[i]), y[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 4 == 3:
        print(epoch + 1, loss.item())
with torch.no_grad():
    print("test mse", torch.nn.functional.mse_loss(model(x[800:]), y[800:]).item())
