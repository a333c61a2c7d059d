# which symbol occurs most often in a short sequence
import torch
from torch import nn

torch.manual_seed(0)
L, K = 12, 4


def make(n, gen):
    x = torch.randint(0, K, (n, L), generator=gen)
    counts = nn.functional.one_hot(x, K).sum(1)
    return x, counts.argmax(1)


class Classifier(nn.Module):
    def __init__(self, d=32):
        super().__init__()
        self.tok = nn.Embedding(K, d)
        self.pos = nn.Parameter(torch.randn(L, d) * 0.02)
        layer = nn.TransformerEncoderLayer(d, 4, 64, dropout=0.1, batch_first=True, norm_first=True)
        self.body = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.head = nn.Linear(d, K)

    def forward(self, x):
        h = self.body(self.tok(x) + self.pos)
        return self.head(h.mean(dim=1))


gen = torch.Generator().manual_seed(1)
xtr, ytr = make(2000, gen)
xva, yva = make(400, gen)
model = Classifier()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
warmup = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min(1.0, (s + 1) / 20))
for epoch in range(5):
    model.train()
    for b in torch.randperm(2000, generator=gen).split(50):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(xtr[b]), ytr[b])
        loss.backward()
        optimizer.step()
        warmup.step()
    with torch.no_grad():
        acc = (model(xva).argmax(1) == yva).float().mean()
    print(f"epoch {epoch} val accuracy {acc:.3f}")
