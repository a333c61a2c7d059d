import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.distributions import Normal, kl_divergence

torch.manual_seed(4)
pixels = torch.tensor(load_digits().data / 16.0, dtype=torch.float32)
fit_on, kept = pixels[:1400], pixels[1400:]


class LatentCoder(nn.Module):
    def __init__(self, code=8):
        super().__init__()
        self.to_code = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2 * code))
        self.to_image = nn.Sequential(nn.Linear(code, 64), nn.ReLU(), nn.Linear(64, 64))

    def posterior(self, x):
        mean, log_scale = self.to_code(x).chunk(2, dim=1)
        return Normal(mean, log_scale.exp())

    def forward(self, x):
        q = self.posterior(x)
        return self.to_image(q.sample()), q


coder = LatentCoder()
prior = Normal(0.0, 1.0)
opt = torch.optim.Adam(coder.parameters(), lr=2e-3)
for epoch in range(25):
    for rows in torch.randperm(len(fit_on)).split(64):
        logits, q = coder(fit_on[rows])
        rec = F.binary_cross_entropy_with_logits(logits, fit_on[rows], reduction="none").sum(1).mean()
        loss = rec + kl_divergence(q, prior).sum(1).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
with torch.no_grad():
    logits = coder.to_image(coder.posterior(kept).mean)
    print("reconstruction", F.binary_cross_entropy_with_logits(logits, kept, reduction="sum").item() / len(kept))
