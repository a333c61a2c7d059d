import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
X = torch.randn(1200, 20); y = ((1.5 * X[:, 3] + X[:, 7] + 0.5 * X[:, 3] * X[:, 7]) > 0).long()
logits = nn.Parameter(torch.zeros(2, 20))
net = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 2))
opt = torch.optim.Adam([{"params": [logits], "lr": 0.03}, {"params": net.parameters(), "lr": 3e-3}])
for step in range(600):
    tau = max(0.3, 1.5 * 0.997 ** step)
    i = torch.randint(0, 1000, (100,))
    w = F.gumbel_softmax(logits.expand(100, 2, 20), tau=tau, dim=-1)
    loss = F.cross_entropy(net((w * X[i].unsqueeze(1)).sum(-1)), y[i])
    opt.zero_grad(); loss.backward(); opt.step()
with torch.no_grad():
    c = logits.argmax(1)
    print("chosen", c.tolist(), "accuracy", (net(X[1000:, c]).argmax(1) == y[1000:]).float().mean().item())
