# Prose, comment or code? Each line of text is cut to 32 characters.  char-CNN
import io, os, random, tokenize
import torch
import torch.nn as nn

random.seed(48); torch.manual_seed(48)
texts = [set(), set(), set()]
for name in ['turtle', 'argparse', 'tarfile', 'inspect', 'typing', 'pdb', 'zipfile', 'doctest', 'locale']:
    source = open(os.path.join(os.path.dirname(os.__file__), name + '.py'), encoding='utf-8').read()
    prose_rows = set()
    for tok in tokenize.generate_tokens(io.StringIO(source).readline):
        if tok.type == tokenize.COMMENT:
            texts[0].add(tok.string.strip('# '))
        elif tok.type == tokenize.STRING and tok.string.count('\n') > 1:
            prose_rows.update(range(tok.start[0], tok.end[0] + 1))
    for i, line in enumerate(source.splitlines(), 1):
        if i in prose_rows: texts[1].add(line.strip(' "\''))
        elif '#' not in line: texts[2].add(line.strip())

rows = []
for c in range(3):
    keep = sorted(t.lower() for t in texts[c] if len(t) > 12)
    random.shuffle(keep)
    rows += [(t, c) for t in keep[:2000]]
random.shuffle(rows)
alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789_ .,:()[]="\'-'
L = 32

def encode(name):
    ids = [alphabet.find(ch) + 1 for ch in name[:L]]
    return ids + [0] * (L - len(ids))

X = torch.tensor([encode(n) for n, _ in rows])
Y = torch.tensor([c for _, c in rows])
cut = int(len(X) * 0.8)
Xtr, Ytr, Xva, Yva = X[:cut], Y[:cut], X[cut:], Y[cut:]

class CharCNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(len(alphabet) + 1, 16, padding_idx=0)
        self.convs = nn.ModuleList([nn.Conv1d(16, 20, k, padding=k // 2) for k in (3, 5)])
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(40, 3)

    def forward(self, x):
        e = self.emb(x).permute(0, 2, 1)
        h = [torch.relu(c(e)).max(dim=2).values for c in self.convs]
        return self.fc(self.drop(torch.cat(h, dim=1)))

net = CharCNN()
opt = torch.optim.Adam(net.parameters(), lr=3e-3, weight_decay=1e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 10)
crit = nn.CrossEntropyLoss()
for epoch in range(10):
    net.train()
    perm = Ytr.argsort()
    for i in range(0, cut, 50):
        idx = perm[i:i + 50]
        opt.zero_grad()
        loss = crit(net(Xtr[idx]), Ytr[idx])
        loss.backward()
        opt.step()
    sched.step()
    net.eval()
    with torch.no_grad():
        tr = crit(net(Xtr), Ytr).item(); out = net(Xva); va = crit(out, Yva).item()
        acc = (out.argmax(1) == Yva).float().mean().item()
    print(f'{epoch} train {tr:.3f} val {va:.3f} acc {acc:.3f}')
print('acc', round(acc, 4))
