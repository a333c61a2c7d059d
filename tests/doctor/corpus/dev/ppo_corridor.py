import torch
from torch import nn
torch.manual_seed(0)
L = 10
class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, 32), nn.Tanh())
        self.pi, self.v = nn.Linear(32, 2), nn.Linear(32, 1)
    def forward(self, s):
        h = self.body(s)
        return torch.distributions.Categorical(logits=self.pi(h)), self.v(h).squeeze(-1)
net = Policy()
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
def rollout(n=32, T=20):
    goal = torch.randint(0, 2, (n,)) * 2 - 1
    pos = torch.zeros(n)
    S, A, R, P = [], [], [], []
    for t in range(T):
        s = torch.stack([pos / L, goal.float()], 1)
        with torch.no_grad(): d, _ = net(s)
        a = d.sample()
        pos = (pos + (a * 2 - 1)).clamp(-L, L)
        S.append(s); A.append(a); P.append(d.log_prob(a)); R.append(pos * goal / L)
    return torch.stack(S), torch.stack(A), torch.stack(P), torch.stack(R)
for it in range(30):
    S, A, P, R = rollout()
    G, g = torch.zeros_like(R), torch.zeros(R.shape[1])
    for t in reversed(range(len(R))):
        g = R[t] + 0.95 * g
        G[t] = g
    S, A, P, G = S.flatten(0, 1), A.flatten(), P.flatten(), G.flatten()
    for _ in range(4):
        for i in torch.randperm(len(S)).split(160):
            d, v = net(S[i])
            adv = G[i] - v.detach()
            adv = (adv - adv.mean()) / (adv.std() + 1e-8)
            ratio = (d.log_prob(A[i]) - P[i]).exp()
            loss = -torch.min(ratio * adv, ratio.clamp(0.8, 1.2) * adv).mean() + 0.5 * (G[i] - v).pow(2).mean() - 0.01 * d.entropy().mean()
            opt.zero_grad(); loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 0.5)
            opt.step()
    if it % 5 == 4: print(it + 1, R.mean().item())
print("mean reward", rollout(200)[3].mean().item())
