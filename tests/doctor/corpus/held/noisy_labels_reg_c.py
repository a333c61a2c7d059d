# a few hundred noisy samples: keep the network small and regularised
import torch
import torch.nn as nn
from sklearn.datasets import make_classification

torch.manual_seed(0)
X, Y = make_classification(700, 30, n_informative=5, n_redundant=2, flip_y=0.25, class_sep=1.5, random_state=2)
X = torch.tensor((X - X.mean(0)) / X.std(0)).float()
Y = torch.tensor(Y)
xt, yt, xv, yv = X[:300], Y[:300], X[300:], Y[300:]

HIDDEN, DROP, DECAY, EPOCHS, RATE = 16, 0.97, 0.1, 10, 2e-3
net = nn.Sequential(nn.Linear(30, HIDDEN), nn.ReLU(), nn.Dropout(DROP), nn.Linear(HIDDEN, 2))
opt = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=DECAY)
ce = nn.CrossEntropyLoss()
for ep in range(EPOCHS):
    net.train()
    tl = 0
    for j in torch.randperm(300).split(20):
        opt.zero_grad()
        l = ce(net(xt[j]), yt[j])
        l.backward()
        opt.step()
        tl += l.item() / 15
    net.eval()
    with torch.no_grad():
        vl = ce(net(xv), yv).item()
    print(f"{ep:2d} train {tl:.4f} val {vl:.4f}")
