import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence, pack_padded_sequence, pad_packed_sequence
torch.manual_seed(0)
def make(n):
    out = []
    for _ in range(n):
        k = torch.randint(5, 15, (1,)).item()
        s = torch.randint(1, 20, (k,))
        t = (s + torch.cat([torch.zeros(1, dtype=torch.long), s[:-1]])) % 3
        out.append((s, t))
    return out
train, test = make(500), make(100)
def collate(b):
    return pad_sequence([s for s, _ in b], True), pad_sequence([t for _, t in b], True, padding_value=-100), torch.tensor([len(s) for s, _ in b])
class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.e = nn.Embedding(20, 24, padding_idx=0); self.r = nn.LSTM(24, 48, batch_first=True, bidirectional=True); self.o = nn.Linear(96, 3)
    def forward(self, x, n):
        h, _ = self.r(pack_padded_sequence(self.e(x), n, batch_first=True, enforce_sorted=False))
        return self.o(pad_packed_sequence(h, batch_first=True)[0])
m = Tagger(); opt = torch.optim.Adam(m.parameters(), 1e-2)
for e in range(12):
    for b in torch.utils.data.DataLoader(train, 25, shuffle=True, collate_fn=collate):
        x, t, n = b
        loss = nn.functional.cross_entropy(m(x, n).flatten(0, 1), t.flatten(), ignore_index=-100)
        opt.zero_grad(); loss.backward(); opt.step()
    with torch.no_grad():
        x, t, n = collate(test); p = m(x, n).argmax(-1); k = t >= 0
        print(e, loss.item(), (p[k] == t[k]).float().mean().item())
