import collections, copy, random
import torch
from torch import nn
torch.manual_seed(0)
random.seed(0)
SIZE = 6
def encode(s):
    v = torch.zeros(2 * SIZE)
    v[s[0]] = v[SIZE + s[1]] = 1
    return v
def move(s, a):
    dx, dy = ((0, 1), (1, 0), (0, -1), (-1, 0))[a]
    n = (min(max(s[0] + dx, 0), SIZE - 1), min(max(s[1] + dy, 0), SIZE - 1))
    return n, (10.0 if n == (5, 5) else -0.1), n == (5, 5)
q = nn.Sequential(nn.Linear(2 * SIZE, 64), nn.ReLU(), nn.Linear(64, 4))
target = copy.deepcopy(q)
opt = torch.optim.Adam(q.parameters(), lr=1e-3)
memory = collections.deque(maxlen=3000)
steps, lengths = 0, []
for episode in range(80):
    s = (0, 0)
    for t in range(60):
        eps = max(0.05, 1 - steps / 1500)
        with torch.no_grad():
            a = random.randrange(4) if random.random() < eps else q(encode(s)).argmax().item()
        n, r, done = move(s, a)
        memory.append((encode(s), a, r, encode(n), done))
        s = n
        steps += 1
        if len(memory) > 100:
            bs, ba, br, bn, bd = zip(*random.sample(memory, 32))
            bs, bn = torch.stack(bs), torch.stack(bn)
            with torch.no_grad():
                goal = torch.tensor(br) + 0.97 * target(bn).max(1).values * (1 - torch.tensor(bd).float())
            loss = nn.functional.smooth_l1_loss(q(bs).gather(1, torch.tensor(ba)[:, None]).squeeze(1), goal)
            opt.zero_grad()
            loss.backward()
            opt.step()
        if steps % 200 == 0:
            target.load_state_dict(q.state_dict())
        if done:
            break
    lengths.append(t + 1)
print("steps to the goal", sum(lengths[-10:]) / 10)
