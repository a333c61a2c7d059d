# 3x3 checkerboard
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(13)
pts = torch.rand(2400, 2) * 3
col = (pts.floor().sum(1) % 2).long()
pts = pts - 1.5
train_p, train_c, val_p, val_c = pts[:1800], col[:1800], pts[1800:], col[1800:]


class Board(nn.Module):
    def __init__(self, units):
        super().__init__()
        self.h1 = nn.Linear(2, units)
        self.h2 = nn.Linear(units, units)
        self.o = nn.Linear(units, 2)

    def forward(self, p):
        return self.o(F.relu(self.h2(F.relu(self.h1(p)))))


board = Board(64)
adam = torch.optim.Adam(board.parameters(), lr=0.01)
N_EPOCH = 20
for ep in range(N_EPOCH):
    s = 0.0
    for ids in torch.randperm(1800).split(60):
        adam.zero_grad()
        loss = F.cross_entropy(board(train_p[ids]), train_c[ids])
        loss.backward()
        adam.step()
        s += loss.item() / 30
    with torch.no_grad():
        v = F.cross_entropy(board(val_p), val_c).item()
        a = (board(val_p).argmax(1) == val_c).float().mean().item()
    print(f"{ep}: train loss {s:.3f}, val loss {v:.3f}, val accuracy {a:.3f}")
