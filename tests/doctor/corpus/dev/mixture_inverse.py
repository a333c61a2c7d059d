import math, torch
from torch import nn
torch.manual_seed(0)
t = torch.rand(1000, 1)
x = t + 0.3 * torch.sin(2 * math.pi * t) + 0.05 * torch.randn_like(t)
K = 4
net = nn.Sequential(nn.Linear(1, 40), nn.Tanh(), nn.Linear(40, 3 * K))
opt = torch.optim.RMSprop(net.parameters(), lr=3e-3)
def nll(inp, out):
    pi, mu, ls = net(inp).chunk(3, 1)
    d = torch.distributions.MixtureSameFamily(torch.distributions.Categorical(logits=pi), torch.distributions.Normal(mu, ls.clamp(-4, 2).exp()))
    return -d.log_prob(out.squeeze(1)).mean()
for epoch in range(40):
    for i in torch.randperm(800).split(80):
        loss = nll(x[i], t[i])
        opt.zero_grad(); loss.backward(); opt.step()
with torch.no_grad(): print("held-out nats", nll(x[800:], t[800:]).item())
