import torch
from torch import nn
torch.manual_seed(0)
V, T = 12, 7
class Seq2Seq(nn.Module):
    def __init__(self, h=48):
        super().__init__()
        self.emb = nn.Embedding(V + 1, h)
        self.enc = nn.GRU(h, h, batch_first=True)
        self.dec = nn.GRU(h, h, batch_first=True)
        self.out = nn.Linear(2 * h, V)
    def forward(self, src, tgt_in):
        mem, state = self.enc(self.emb(src))
        q, _ = self.dec(self.emb(tgt_in), state)
        att = (q @ mem.transpose(1, 2) / 7.0).softmax(-1)
        return self.out(torch.cat([q, att @ mem], -1))
m = Seq2Seq()
opt = torch.optim.Adam(m.parameters(), lr=4e-3)
def data(n):
    s = torch.randint(0, V, (n, T))
    t = s.flip(1)
    return s, torch.cat([torch.full((n, 1), V), t[:, :-1]], 1), t
for step in range(350):
    s, ti, t = data(64)
    loss = nn.functional.cross_entropy(m(s, ti).flatten(0, 1), t.flatten())
    opt.zero_grad(); loss.backward()
    nn.utils.clip_grad_norm_(m.parameters(), 1.0)
    opt.step()
    if step % 70 == 69: print(step + 1, loss.item())
with torch.no_grad():
    s, ti, t = data(300)
    print("token accuracy", (m(s, ti).argmax(-1) == t).float().mean().item())
