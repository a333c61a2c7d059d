"""Deep Q-learning in a windy corridor, with replay memory and a target network."""
import collections
import copy
import random

import numpy as np
import torch
from torch import nn

random.seed(47)
np.random.seed(47)
torch.manual_seed(47)
N, GAMMA, BATCH = 7, 0.95, 64


class Grid:
    """7x7, start bottom left, goal top right (+1), pits (-1), wind pushes down with probability 0.1."""

    pits = {(2, 2), (3, 4), (5, 1), (4, 5)}

    def reset(self):
        self.pos, self.t = (random.randrange(4), random.randrange(4)), 0
        if self.pos in self.pits:
            self.pos = (0, 0)
        return self.obs()

    def obs(self):
        o = np.zeros(2 * N, dtype=np.float32)
        o[self.pos[0]] = o[N + self.pos[1]] = 1
        return o

    def step(self, a):
        dx, dy = [(1, 0), (-1, 0), (0, 1), (0, -1)][a]
        if random.random() < 0.1:
            dx, dy = 0, -1
        self.pos = (min(max(self.pos[0] + dx, 0), N - 1), min(max(self.pos[1] + dy, 0), N - 1))
        self.t += 1
        if self.pos == (N - 1, N - 1):
            return self.obs(), 1.0, True
        if self.pos in self.pits:
            return self.obs(), -1.0, True
        return self.obs(), -0.01, False


def net():
    return nn.Sequential(nn.Linear(2 * N, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 4))


online = net()
optimizer = torch.optim.Adam(online.parameters(), lr=1e-3)
online, target = copy.deepcopy(online), online
memory = collections.deque(maxlen=5000)
huber = nn.SmoothL1Loss()
env = Grid()


def learn():
    batch = random.sample(memory, BATCH)
    s, a, r, s2, done = (torch.tensor(np.array(v)) for v in zip(*batch))
    q = online(s).gather(1, a.unsqueeze(1)).squeeze(1)
    with torch.no_grad():
        best = online(s2).argmax(1, keepdim=True)
        goal = r.float() + GAMMA * target(s2).gather(1, best).squeeze(1) * (1 - done.float())
    loss = huber(q, goal)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def play(episodes=60):
    total = 0.0
    for _ in range(episodes):
        s, done, k = env.reset(), False, 0
        while not done and env.t < 40:
            with torch.no_grad():
                a = online(torch.from_numpy(s)).argmax().item()
            s, r, done = env.step(a)
            total += r
    return total / episodes


steps, s = 0, env.reset()
for step in range(1, 4001):
    eps = max(0.08, 1 - step / 2000)
    with torch.no_grad():
        a = random.randrange(4) if random.random() < eps else online(torch.from_numpy(s)).argmax().item()
    s2, r, done = env.step(a)
    memory.append((s, a, r, s2, done))
    s = env.reset() if done or env.t >= 40 else s2
    if step >= 200 and step % 2 == 0:
        loss = learn()
    if step % 100 == 0:
        target.load_state_dict(online.state_dict())
    if step % 500 == 0:
        print(f"step {step} eps {eps:.2f} loss {loss:.4f} return {play(20):.3f}")
        s = env.reset()
print(f"return {play(100):.4f}")
