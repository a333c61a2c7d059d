"""Advantage actor-critic on a guessing game: the hidden number depends on the sign pattern of three inputs."""
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(2)


class ActorCritic(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 64), nn.ReLU())
        self.actor = nn.Linear(64, 8)
        self.critic = nn.Linear(64, 1)

    def forward(self, s):
        h = self.body(s)
        return self.actor(h), self.critic(h).squeeze(-1)


ac = ActorCritic()
opt = torch.optim.Adam(ac.parameters(), lr=1e-2)
powers = torch.tensor([1, 2, 4])
for update in range(300):
    s = torch.randn(64, 3)
    answer = ((s > 0).long() * powers).sum(1)
    logits, value = ac(s)
    pi = torch.distributions.Categorical(logits=logits)
    act = pi.sample()
    reward = (act == answer).float()
    adv = (reward - value).detach()
    loss = -(pi.log_prob(act) * adv).mean() + 0.5 * F.mse_loss(value, reward) - 0.003 * pi.entropy().mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    if update % 60 == 0:
        print(update, reward.mean().item())
with torch.no_grad():
    s = torch.randn(1000, 3)
    print("greedy reward", (ac(s)[0].argmax(1) == ((s > 0).long() * powers).sum(1)).float().mean().item())
