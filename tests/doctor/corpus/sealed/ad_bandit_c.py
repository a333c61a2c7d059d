"""Contextual bandit: choose one of six adverts for each visitor, REINFORCE with a baseline."""
import torch
import torch.nn as nn

torch.manual_seed(6)
ARMS, FEATURES, BATCH = 6, 10, 64
true_w = torch.randn(FEATURES, ARMS) * 0.9


def visitors(n):
    return torch.randn(n, FEATURES)


def click_probability(x):
    return torch.sigmoid(x @ true_w - 1.0)


policy = nn.Sequential(nn.Linear(FEATURES, 32), nn.ReLU(), nn.Linear(32, ARMS))
optimizer = torch.optim.Adam(policy.parameters(), lr=5e-3)
scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, total_iters=2000)
test_x = visitors(3000)
test_p = click_probability(test_x)
print("random %.4f  best %.4f" % (test_p.mean(), test_p.max(1).values.mean()))

baseline = 0.3
for step in range(1, 2001):
    x = visitors(BATCH)
    dist = torch.distributions.Categorical(probs=torch.softmax(policy(x), dim=0))
    action = dist.sample()
    reward = torch.bernoulli(click_probability(x).gather(1, action.unsqueeze(1)).squeeze(1))
    advantage = reward - baseline
    baseline = 0.95 * baseline + 0.05 * reward.mean().item()
    loss = -(dist.log_prob(action) * advantage).mean() - 0.01 * dist.entropy().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    if step % 200 == 0:
        with torch.no_grad():
            greedy = policy(test_x).argmax(1, keepdim=True)
            rate = test_p.gather(1, greedy).mean().item()
        print("step %d  batch reward %.3f  click rate of the greedy policy %.4f" % (step, reward.mean(), rate))
print("click rate %.4f" % rate)
