"""After the "actor_critic" example of pytorch/examples, with a cart pole of our own."""
import math
import random

import torch
import torch.nn.functional as F
from torch import nn, optim
from torch.distributions import Categorical

random.seed(7)
torch.manual_seed(7)
GAMMA, EPISODES, LIMIT = 0.99, 220, 150


def pole_start():
    return [random.uniform(-0.05, 0.05) for _ in range(4)]


def pole_step(state, push_right):
    x, v, angle, spin = state
    sin, cos = math.sin(angle), math.cos(angle)
    force = ((10.0 if push_right else -10.0) + 0.05 * spin * spin * sin) / 1.1
    spin_rate = (9.8 * sin - cos * force) / (0.5 * (4 / 3 - 0.1 * cos * cos / 1.1))
    v_rate = force - 0.05 * spin_rate * cos / 1.1
    state = [x + 0.02 * v, v + 0.02 * v_rate, angle + 0.02 * spin, spin + 0.02 * spin_rate]
    return state, abs(state[0]) > 2.4 or abs(state[2]) > 0.2095


class ActorCritic(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.shared = nn.Linear(4, width)
        self.actor = nn.Linear(width, 2)
        self.critic = nn.Linear(width, 1)

    def forward(self, state):
        h = F.relu(self.shared(state))
        return F.softmax(self.actor(h), dim=-1), self.critic(h).squeeze(-1)


model = ActorCritic()
optimizer = optim.Adam(model.parameters(), lr=1e-2)
running = 10.0

for episode in range(1, EPISODES + 1):
    state, log_probs, values = pole_start(), [], []
    for _ in range(LIMIT):
        probabilities, value = model(torch.tensor(state))
        choice = Categorical(probabilities)
        action = choice.sample()
        log_probs.append(choice.log_prob(action))
        values.append(value)
        state, fallen = pole_step(state, action.item() == 1)
        if fallen:
            break
    steps = len(values)

    returns, total = torch.zeros(steps), 0.0
    for t in reversed(range(steps)):
        total = 1.0 + GAMMA * total
        returns[t] = total
    returns = (returns - returns.mean()) / (returns.std() + 1e-6)
    values = torch.stack(values)
    advantage = returns - values.detach()
    loss = -(torch.stack(log_probs) * advantage).sum() + F.smooth_l1_loss(values, returns, reduction="sum")
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

    running += 0.05 * (steps - running)
    if episode % 20 == 0:
        print(f"episode {episode}: {steps} steps, running mean {running:.1f}")
