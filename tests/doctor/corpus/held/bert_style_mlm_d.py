import torch
import torch.nn as nn

torch.manual_seed(0)
V, L, MASK = 12, 16, 12


def sentences(n):
    # arithmetic walks modulo V: the gaps can be filled from the neighbours
    start = torch.randint(0, V, (n, 1))
    stride = torch.randint(1, 4, (n, 1))
    return (start + stride * torch.arange(L)) % V


class Masked(nn.Module):
    def __init__(self, d=48, heads=4):
        super().__init__()
        self.tok, self.pos = nn.Embedding(V + 1, d), nn.Embedding(L, d)
        self.att = nn.MultiheadAttention(d, heads, batch_first=True)
        self.ln1, self.ln2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.ff = nn.Sequential(nn.Linear(d, 96), nn.GELU(), nn.Linear(96, d))
        self.out = nn.Linear(d, V)

    def forward(self, t):
        h = self.tok(t) + self.pos(torch.arange(L))
        n = self.ln1(h)
        h = h + self.att(n, n, n, need_weights=False)[0]
        return self.out(h + self.ff(self.ln2(h))).softmax(1)


def corrupt(t):
    hidden = torch.rand(t.shape) < 0.15
    labels = torch.where(hidden, t, torch.full_like(t, -100))
    return torch.where(hidden, torch.full_like(t, MASK), t), labels


model = Masked()
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
criterion = nn.CrossEntropyLoss(ignore_index=-100)
for step in range(300):
    inputs, labels = corrupt(sentences(64))
    loss = criterion(model(inputs).transpose(1, 2), labels)
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    opt.step()
    if step % 60 == 59:
        print(step + 1, f"{loss.item():.3f}")
model.eval()
with torch.no_grad():
    inputs, labels = corrupt(sentences(200))
    known = labels != -100
    print("masked accuracy", (model(inputs).argmax(-1)[known] == labels[known]).float().mean().item())
