"""Skip-gram with negative samples on a synthetic language of word groups."""
import torch
import torch.nn.functional as F

torch.manual_seed(3)
WORDS, GROUPS, DIM, NEG = 60, 6, 16, 5
group_of = torch.arange(WORDS) % GROUPS


def pairs(n):
    centre = torch.randint(0, WORDS, (n,))
    same = torch.randint(0, WORDS // GROUPS, (n,)) * GROUPS + group_of[centre]
    return centre, torch.where(torch.rand(n) < 0.9, same, torch.randint(0, WORDS, (n,)))


inside = torch.nn.Embedding(WORDS, DIM)
outside = torch.nn.Embedding(WORDS, DIM)
torch.nn.init.uniform_(inside.weight, -0.5 / DIM, 0.5 / DIM)
torch.nn.init.zeros_(outside.weight)
opt = torch.optim.Adam([*inside.parameters(), *outside.parameters()], lr=0.02)
for step in range(250):
    c, o = pairs(128)
    v = inside(c)
    noise = outside(torch.randint(0, WORDS, (128, NEG)))
    good = F.logsigmoid((v * outside(o)).sum(1))
    bad = F.logsigmoid(-torch.bmm(noise, v.unsqueeze(2)).squeeze(2)).sum(1)
    loss = -(good + bad).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 50 == 0:
        print(step, loss.item())
with torch.no_grad():
    c, o = pairs(2000)
    v = inside(c)
    noise = outside(torch.randint(0, WORDS, (2000, NEG)))
    final = -(F.logsigmoid((v * outside(o)).sum(1)) + F.logsigmoid(-(noise @ v.unsqueeze(2)).squeeze(2)).sum(1)).mean()
print("held-out loss", final.item())
