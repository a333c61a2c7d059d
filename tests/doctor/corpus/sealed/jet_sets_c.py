"""Classify sets of points by attention pooling; sets have different sizes and are padded."""
import torch
from torch import nn

torch.manual_seed(45)
MAXP = 16


def events(n):
    y = torch.randint(3, (n,))
    count = torch.randint(5, MAXP + 1, (n,))
    mask = torch.arange(MAXP)[None] < count[:, None]
    base = torch.randn(n, MAXP, 3)
    axis = nn.functional.normalize(torch.randn(n, 1, 3), dim=2)
    along = torch.randn(n, MAXP, 1)
    ball = base
    line = along * axis * 1.7 + 0.5 * base
    plane = base - 0.8 * (base * axis).sum(2, keepdim=True) * axis
    x = torch.stack([ball, line, 1.15 * plane])[y, torch.arange(n)]
    return x * mask.unsqueeze(2), mask, y


class AttentionPool(nn.Module):
    def __init__(self, width=48, heads=4):
        super().__init__()
        self.phi = nn.Sequential(nn.Linear(3 + 6, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.score = nn.Linear(width, heads)
        self.rho = nn.Sequential(nn.Linear(width * heads, width), nn.ReLU(), nn.Dropout(0.1), nn.Linear(width, 3))

    def forward(self, x, mask):
        second = torch.stack([x[..., i] * x[..., j] for i in range(3) for j in range(i, 3)], -1)
        h = self.phi(torch.cat([x, second], -1))
        s = self.score(h).masked_fill(~mask.unsqueeze(2), float("-inf"))
        w = torch.softmax(s, dim=1)
        pooled = torch.einsum("bph,bpd->bhd", w, h).flatten(1)
        return self.rho(pooled)


train, val = events(4000), events(1200)
model = AttentionPool()
opt = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-2)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, 6e-3, total_steps=12 * 50)
ce = nn.CrossEntropyLoss()
for epoch in range(12):
    model.train()
    run = 0.0
    for i in torch.randperm(4000).split(80):
        x, m, y = train[0][i], train[1][i], train[2][:len(i)]
        loss = ce(model(x, m), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        run += loss.item() / 50
    model.eval()
    with torch.no_grad():
        out = model(val[0], val[1])
        acc = (out.argmax(1) == val[2]).float().mean().item()
    print(f"{epoch:2d} train {run:.4f} val {ce(out, val[2]).item():.4f} acc {acc:.4f}")
print(f"accuracy {acc:.4f}")
