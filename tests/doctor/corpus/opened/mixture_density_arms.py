import math
import torch
import torch.nn as nn

torch.manual_seed(41)
n = 2000
y_all = torch.rand(n, 1) * 2 - 1
x_all = y_all + 0.3 * torch.sin(2 * math.pi * y_all) + 0.05 * torch.randn(n, 1)
x_train, y_train, x_val, y_val = x_all[:1500], y_all[:1500], x_all[1500:], y_all[1500:]
K = 5


class MDN(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.z_h = nn.Sequential(nn.Linear(1, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh())
        self.z_pi = nn.Linear(hidden, K)
        self.z_sigma = nn.Linear(hidden, K)
        self.z_mu = nn.Linear(hidden, K)

    def forward(self, x):
        h = self.z_h(x)
        log_pi = torch.log_softmax(self.z_pi(h), dim=-1)
        sigma = torch.exp(self.z_sigma(h)) + 1e-3
        return log_pi, sigma, self.z_mu(h)


def mdn_loss(log_pi, sigma, mu, y):
    log_prob = -0.5 * ((y - mu) / sigma) ** 2 - torch.log(sigma) - 0.5 * math.log(2 * math.pi)
    return -torch.logsumexp(log_pi + log_prob, dim=1).mean()


net = MDN()
optimizer = torch.optim.Adam(net.parameters(), lr=8e-3)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.93)
for epoch in range(40):
    running = 0
    for idx in torch.randperm(1500).split(100):
        loss = mdn_loss(*net(x_train[idx]), y_train[idx])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
        running += loss.item() * len(idx)
    scheduler.step()
    with torch.no_grad():
        val_nll = mdn_loss(*net(x_val), y_val).item()
    if epoch % 4 == 3:
        print(f"epoch {epoch + 1}: train nll {running / 1500:.4f} val nll {val_nll:.4f} val likelihood {math.exp(-val_nll):.4f}")
