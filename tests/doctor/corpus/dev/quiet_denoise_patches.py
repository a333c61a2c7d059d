import torch
from torch import nn
torch.manual_seed(0)
t = torch.linspace(0, 1, 64)
def clean(n):
    f = 1 + 5 * torch.rand(n, 1)
    return torch.sin(6.283 * f * t + 6.283 * torch.rand(n, 1)).unsqueeze(1)
net = nn.Sequential(nn.Conv1d(1, 16, 7, padding=3), nn.ReLU(), nn.Conv1d(16, 16, 7, padding=3), nn.ReLU(), nn.Conv1d(16, 1, 7, padding=3))
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
val = clean(200); noisy_val = val + 0.5 * torch.randn_like(val)
for step in range(300):
    c = clean(32)
    a, b = c + 0.5 * torch.randn_like(c), c + 0.5 * torch.randn_like(c)   # noise to noise: the target is noisy, too
    loss = (net(a) - b).pow(2).mean()
    opt.zero_grad(); loss.backward(); opt.step()
    if step % 50 == 49:
        with torch.no_grad(): print(step + 1, loss.item(), (net(noisy_val) - val).pow(2).mean().item())
