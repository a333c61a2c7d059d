import torch
import torch.nn as nn
import torch.nn.functional as F

gen = torch.Generator().manual_seed(0)
torch.manual_seed(0)
proj = torch.randn(12, 3, generator=gen)


def draw(n):
    x = torch.randn(n, 12, generator=gen)
    s = torch.tanh(x @ proj)
    return {"x": x, "cls": s.argmax(1), "reg": (s[:, 0] * s[:, 1] + 0.05 * torch.randn(n, generator=gen))}


class Shared(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU())
        self.heads = nn.ModuleDict({"cls": nn.Linear(64, 3), "reg": nn.Linear(64, 1)})

    def forward(self, x):
        h = self.trunk(x)
        return {"cls": self.heads["cls"](h), "reg": self.heads["reg"](h).squeeze(-1)}


model = Shared()
opt = torch.optim.Adam([
    {"params": model.trunk.parameters(), "lr": 2e-3},
    {"params": model.heads.parameters(), "lr": 4e-3},
])  # fmt: skip
for step in range(400):
    batch = draw(64)
    out = model(batch["x"])
    losses = {"cls": F.cross_entropy(out["cls"], batch["cls"]), "reg": F.mse_loss(out["reg"], batch["reg"])}
    total = losses["cls"] + 2 * losses["reg"]
    opt.zero_grad()
    total.backward()
    opt.step()
    if step % 100 == 0:
        print(step, {k: round(v.item(), 4) for k, v in losses.items()})
with torch.no_grad():
    batch = draw(500)
    out = model(batch["x"])
    print("reg mse", F.mse_loss(out["reg"], batch["reg"]).item())
    print("cls accuracy", (out["cls"].argmax(1) == batch["cls"]).float().mean().item())
