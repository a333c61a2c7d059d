"""How many customers wait at a counter, from hour, weather and staff: a log-linear net for counts."""
import torch
from torch import nn

torch.manual_seed(8)
n = 1500
hour, rain, staff = torch.rand(n) * 10, torch.rand(n), torch.randint(1, 5, (n,)).float()
rate = torch.exp(1.6 + 0.9 * torch.sin(hour / 3) - 0.5 * rain - 0.2 * staff)
waiting = torch.poisson(rate)
x = torch.stack([hour / 5 - 1, 2 * rain - 1, (staff - 2.5) / 1.5], dim=1)
x_fit, x_new, y_fit, y_new = x[:1200], x[1200:], waiting[:1200], waiting[1200:]


class Counter(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(3, 24)
        self.log_rate = nn.Linear(24, 1)

    def forward(self, x):
        return self.log_rate(torch.tanh(self.inner(x)))[:, 0]


model = Counter()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(25):
    for rows in torch.randperm(len(x_fit)).split(48):
        optimizer.zero_grad()
        loss = nn.functional.poisson_nll_loss(model(x_fit[rows]), y_fit[rows])
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        error = (model(x_new).exp() - y_new).square().mean() / y_new.var()
print(f"squared error over variance {error:.3f}")
