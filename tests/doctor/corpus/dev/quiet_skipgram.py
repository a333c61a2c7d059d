import torch, inspect, textwrap, re, collections
from torch import nn
torch.manual_seed(0)
words = re.findall(r"[a-z]{3,}", (inspect.getsource(textwrap) + inspect.getsource(collections)).lower())
common = [w for w, c in collections.Counter(words).most_common(300)]
ids = {w: i for i, w in enumerate(common)}
seq = torch.tensor([ids[w] for w in words if w in ids])
centre = torch.cat([seq[1:], seq[:-1]]); context = torch.cat([seq[:-1], seq[1:]])
p = torch.randperm(len(centre)); centre, context = centre[p], context[p]
n = int(0.9 * len(centre))
u, v = nn.Embedding(300, 24, sparse=True), nn.Embedding(300, 24, sparse=True)
nn.init.uniform_(u.weight, -0.05, 0.05); nn.init.zeros_(v.weight)
opt = torch.optim.SparseAdam([*u.parameters(), *v.parameters()], lr=1e-2)
def loss_of(c, o):
    neg = torch.randint(0, 300, (len(c), 5))
    pos = (u(c) * v(o)).sum(1)
    ngs = (u(c).unsqueeze(1) * v(neg)).sum(2)
    return -(nn.functional.logsigmoid(pos) + nn.functional.logsigmoid(-ngs).sum(1)).mean()
for epoch in range(6):
    for i in torch.randperm(n).split(256):
        loss = loss_of(centre[i], context[i])
        opt.zero_grad(); loss.backward(); opt.step()
    with torch.no_grad(): print(epoch, loss.item(), loss_of(centre[n:], context[n:]).item())
