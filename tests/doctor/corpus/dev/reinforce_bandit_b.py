"""REINFORCE on a contextual bandit: 4 arms, the best one depends on the context."""
import torch
import torch.nn as nn
from torch.distributions import Categorical

torch.manual_seed(0)
CONTEXT, ARMS = 6, 4
truth = torch.randn(CONTEXT, ARMS)

policy = nn.Sequential(nn.Linear(CONTEXT, 32), nn.Tanh(), nn.Linear(32, ARMS))
optimizer = torch.optim.Adam(policy.parameters(), lr=0.01)
baseline = 0.0

for episode in range(400):
    ctx = torch.randn(64, CONTEXT)
    dist = Categorical(logits=policy(ctx))
    action = dist.sample()
    reward = ((ctx @ truth).argmax(1) == action).float()
    advantage = (reward - baseline).unsqueeze(1)
    baseline = 0.9 * baseline + 0.1 * reward.mean().item()
    loss = -(dist.log_prob(action) * advantage).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if episode % 80 == 79:
        print(episode + 1, "mean reward", reward.mean().item())

with torch.no_grad():
    ctx = torch.randn(1000, CONTEXT)
    best = (ctx @ truth).argmax(1)
    print("greedy reward", (policy(ctx).argmax(1) == best).float().mean().item())
