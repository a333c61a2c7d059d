# Advantage actor-critic on a cart-pole whose physics is written out here (no gym).
import math
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(31)
np.random.seed(31)


class CartPoles:
    """A batch of cart-poles. An episode ends when the pole falls, the cart leaves, or after 100 steps."""

    def __init__(self, n):
        self.n = n
        self.s = np.random.uniform(-.05, .05, (n, 4))
        self.t = np.zeros(n)

    def step(self, a):
        x, v, th, w = self.s.T
        force = np.where(a == 1, 10.0, -10.0)
        c, s = np.cos(th), np.sin(th)
        temp = (force + 0.05 * w ** 2 * s) / 1.1
        acc_th = (9.8 * s - c * temp) / (0.5 * (4 / 3 - 0.1 * c ** 2 / 1.1))
        acc_x = temp - 0.05 * acc_th * c / 1.1
        self.s = np.stack([x + .02 * v, v + .02 * acc_x, th + .02 * w, w + .02 * acc_th], 1)
        self.t += 1
        fell = (np.abs(self.s[:, 0]) > 2.4) | (np.abs(self.s[:, 2]) > 12 * math.pi / 180)
        done = fell | (self.t >= 100)
        lengths = self.t[done].copy()
        self.s[done] = np.random.uniform(-.05, .05, (done.sum(), 4))
        self.t[done] = 0
        return np.ones(self.n, dtype=np.float32), fell, done, lengths


SCALE = torch.tensor([1.0, 1.0, 5.0, 1.0])


class ActorCritic(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 64), nn.Tanh())
        self.pi = nn.Linear(64, 2)
        self.v = nn.Linear(64, 1)

    def forward(self, s):
        h = self.body(s * SCALE)
        return self.pi(h), self.v(h).squeeze(-1)


net = ActorCritic()
opt = torch.optim.Adam(net.parameters(), lr=0.7)
env = CartPoles(16)
gamma, horizon = 0.97, 16
finished = []
for update in range(1, 251):
    logps, values, entropies, rewards, ends = [], [], [], [], []
    for _ in range(horizon):
        state = torch.tensor(env.s, dtype=torch.float32)
        logits, value = net(state)
        dist = torch.distributions.Categorical(logits=logits)
        action = dist.sample()
        r, fell, done, lengths = env.step(action.numpy())
        finished += list(lengths)
        logps.append(dist.log_prob(action))
        values.append(value)
        entropies.append(dist.entropy())
        rewards.append(torch.tensor(r) * 0.1)
        ends.append(torch.tensor(done))
    with torch.no_grad():
        ret = net(torch.tensor(env.s, dtype=torch.float32))[1]
    returns = []
    for r, e in zip(reversed(rewards), reversed(ends)):
        ret = r + gamma * torch.where(e, torch.zeros(()), ret)
        returns.insert(0, ret)
    returns, values = torch.stack(returns), torch.stack(values)
    advantage = (returns - values).detach()
    actor = -(torch.stack(logps) * advantage).mean()
    critic = F.mse_loss(values, returns)
    loss = actor + 0.5 * critic - 0.002 * torch.stack(entropies).mean()
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 0.5)
    opt.step()
    if update % 25 == 0:
        print('update %d  mean length of the last 40 episodes %.1f  critic loss %.3f' % (update, np.mean(finished[-40:]), critic.item()))
print('mean length %.2f' % np.mean(finished[-80:]))
