import random
from collections import deque

import torch
import torch.nn as nn
import torch.nn.functional as F

random.seed(1)
torch.manual_seed(1)
N = 7  # corridor of N cells, reward at the right end


def onehot(i):
    v = torch.zeros(N)
    v[i] = 1
    return v


def move(s, a):
    s2 = min(N - 1, max(0, s + (1 if a == 1 else -1)))
    return s2, float(s2 == N - 1), s2 == N - 1


q = nn.Sequential(nn.Linear(N, 32), nn.ReLU(), nn.Linear(32, 2))
q_target = nn.Sequential(nn.Linear(N, 32), nn.ReLU(), nn.Linear(32, 2))
q_target.load_state_dict(q.state_dict())
opt = torch.optim.Adam(q_target.parameters(), lr=3e-3)
memory = deque(maxlen=2000)
eps, updates = 1.0, 0
for episode in range(60):
    s, done, t = 0, False, 0
    while not done and t < 40:
        if random.random() < eps:
            a = random.randrange(2)
        else:
            with torch.no_grad():
                a = q(onehot(s)).argmax().item()
        s2, r, done = move(s, a)
        memory.append((s, a, r, s2, float(done)))
        s, t = s2, t + 1
        if len(memory) >= 64 and t % 2 == 0:
            batch = random.sample(memory, 32)
            bs, ba, br, bs2, bd = map(torch.tensor, zip(*batch))
            states = F.one_hot(bs, N).float()
            nxt = F.one_hot(bs2, N).float()
            with torch.no_grad():
                goal = br + 0.9 * (1 - bd) * q_target(nxt).max(1).values
            pred = q(states).gather(1, ba[:, None]).squeeze(1)
            loss = F.smooth_l1_loss(pred, goal)
            opt.zero_grad()
            loss.backward()
            opt.step()
            updates += 1
            if updates % 50 == 0:
                q_target.load_state_dict(q.state_dict())
    eps = max(0.1, eps * 0.95)
with torch.no_grad():
    values = q(torch.eye(N))
right = (values[: N - 1].argmax(1) == 1).float().mean().item()
print(updates, "updates, share of states that go right", right)
