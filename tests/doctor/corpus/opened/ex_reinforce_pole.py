"""After the "reinforce" example of pytorch/examples, with a cart pole of our own."""
import math

import numpy as np
import torch
from torch import nn, optim
from torch.distributions import Categorical

torch.manual_seed(543)
rng = np.random.default_rng(543)


class CartPole:
    """The task of Barto, Sutton and Anderson (1983); a reward of 1 for each step the pole stays up."""

    def reset(self):
        self.state = rng.uniform(-0.05, 0.05, 4)
        self.steps = 0
        return self.state

    def step(self, action):
        x, v, angle, spin = self.state
        force = 10.0 if action == 1 else -10.0
        sin, cos = math.sin(angle), math.cos(angle)
        push = (force + 0.05 * spin ** 2 * sin) / 1.1
        spin_change = (9.8 * sin - cos * push) / (0.5 * (4 / 3 - 0.1 * cos ** 2 / 1.1))
        v_change = push - 0.05 * spin_change * cos / 1.1
        self.state = np.array([x + 0.02 * v, v + 0.02 * v_change, angle + 0.02 * spin, spin + 0.02 * spin_change])
        self.steps += 1
        fallen = abs(self.state[0]) > 2.4 or abs(self.state[2]) > 12 * math.pi / 180
        return self.state, 1.0, fallen or self.steps >= 200


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(4, 64)
        self.drop = nn.Dropout(0.3)
        self.scores = nn.Linear(64, 2)
        self.log_probs, self.rewards = [], []

    def forward(self, state):
        return torch.softmax(self.scores(torch.relu(self.drop(self.inner(state)))), dim=-1)


env, policy = CartPole(), Policy()
optimizer = optim.Adam(policy.parameters(), lr=1e-2)


def act(state):
    choice = Categorical(policy(torch.from_numpy(state).float()))
    action = choice.sample()
    policy.log_probs.append(choice.log_prob(action))
    return action.item()


def learn():
    value, returns = 0.0, []
    for reward in reversed(policy.rewards):
        value = reward + 0.99 * value
        returns.insert(0, value)
    returns = torch.tensor(returns)
    returns = (returns - returns.mean()) / (returns.std() + 1e-7)
    optimizer.zero_grad()
    loss = -(torch.stack(policy.log_probs) * returns).sum()
    loss.backward()
    optimizer.step()
    policy.log_probs.clear()
    policy.rewards.clear()


running = 10.0
for episode in range(1, 181):
    state, done = env.reset(), False
    while not done:
        state, reward, done = env.step(act(state))
        policy.rewards.append(reward)
    running = 0.95 * running + 0.05 * env.steps
    learn()
    if episode % 10 == 0:
        print(f"episode {episode} last reward {env.steps} average reward {running:.2f}")
    if running > 150:
        print(f"solved in episode {episode}, average reward {running:.2f}")
        break
