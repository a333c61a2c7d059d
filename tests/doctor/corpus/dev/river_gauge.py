# windows of a slowly changing level, in the order of time
import torch
from torch import nn

torch.manual_seed(23)
t = torch.arange(2400).float()
level = torch.sin(t / 11) + 0.5 * torch.sin(t / 37) + 0.05 * torch.randn(2400)
past = level.unfold(0, 16, 1)[:-1]
following = level[16:]
past_fit, past_new = past[:1800], past[1800:]
fol_fit, fol_new = following[:1800], following[1800:]
model = nn.Sequential(nn.Linear(16, 32), nn.Tanh(), nn.Linear(32, 1))
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(10):
    for a in range(0, 1800, 60):
        out = model(past_fit[a : a + 60]).flatten()
        loss = nn.functional.mse_loss(out, fol_fit[a : a + 60])
        opt.zero_grad()
        loss.backward()
        opt.step()
    with torch.no_grad():
        err = nn.functional.mse_loss(model(past_new).flatten(), fol_new).item()
    print(f"epoch {epoch}: {err:.5f}")
