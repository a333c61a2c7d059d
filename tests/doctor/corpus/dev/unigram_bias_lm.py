import calendar
import inspect

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
text = inspect.getsource(calendar)[:20000]
alphabet = sorted(set(text))
code = torch.tensor([alphabet.index(c) for c in text])
V, CONTEXT = len(alphabet), 4
contexts, nxt = code.unfold(0, CONTEXT, 1)[:-1], code[CONTEXT:]
freq = torch.bincount(code, minlength=V).float() + 1


class Window(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(V, 16)
        self.hid = nn.Linear(16 * CONTEXT, 96)
        self.out = nn.Linear(96, V)
        with torch.no_grad():
            self.out.bias.copy_((freq / freq.sum()).log())

    def forward(self, c):
        return self.out(torch.tanh(self.hid(self.emb(c).flatten(1))))


model = Window()
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
log = []
for step in range(400):
    i = torch.randint(0, int(0.9 * len(nxt)), (100,))
    loss = F.cross_entropy(model(contexts[i]), nxt[i])
    opt.zero_grad()
    loss.backward()
    opt.step()
    log.append(loss.item())
    if step % 80 == 0:
        print(step, loss.item())
with torch.no_grad():
    k = int(0.9 * len(nxt))
    print("held-out", F.cross_entropy(model(contexts[k:]), nxt[k:]).item())
print("mean of the first fifteen", sum(log[:15]) / 15)
