"""An agent in a line world moves towards a goal; actions are drawn, learned by their log-probabilities."""
import torch
from torch import nn
from torch.distributions import Normal

torch.manual_seed(0)


class Agent(nn.Module):
    def __init__(self):
        super().__init__()
        self.mean = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 1))
        self.log_std = nn.Parameter(torch.zeros(1) - 0.5)

    def forward(self, state, length=6):
        log_prob, reward = 0.0, 0.0
        for _ in range(length):
            policy = Normal(self.mean(state), self.log_std.exp())
            action = policy.sample()
            log_prob = log_prob + policy.log_prob(action).sum(1)
            state = torch.cat([state[:, :1] + 0.3 * action, state[:, 1:]], dim=1)
            reward = reward - (state[:, 0] - state[:, 1]).square()
        return log_prob, reward


agent = Agent()
opt = torch.optim.Adam(agent.parameters(), lr=5e-3)
for update in range(300):
    log_prob, reward = agent(torch.randn(128, 2))
    loss = -(log_prob * (reward - reward.mean())).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
with torch.no_grad():
    print("cost", -agent(torch.randn(2000, 2))[1].mean().item())
