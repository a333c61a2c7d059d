import gzip, os
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

SEED = 29
torch.manual_seed(SEED); np.random.seed(SEED)
PATH = '/usr/share/datasets/fashion-mnist'
BS, EPOCHS, ALPHA, SMOOTH = 100, 8, 0.2, 0.05

def read(prefix, n):
    im = np.frombuffer(gzip.open(os.path.join(PATH, prefix + '-images-idx3-ubyte.gz')).read(16 + n * 784), np.uint8, offset=16)
    lb = np.frombuffer(gzip.open(os.path.join(PATH, prefix + '-labels-idx1-ubyte.gz')).read(8 + n), np.uint8, offset=8)
    im = F.avg_pool2d(torch.tensor(im.reshape(n, 1, 28, 28) / 255., dtype=torch.float32), 2)
    return (im - 0.286) / 0.31, torch.tensor(lb, dtype=torch.int64)

xtr, ytr = read('train', 6000)
xva, yva = read('t10k', 2000)

def mixup(x, y):
    lam = np.random.beta(ALPHA, ALPHA)
    perm = torch.randperm(len(x))
    return lam * x + (1 - lam) * x[perm], y, y[perm], lam

def conv(i, o): return nn.Sequential(nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU(), nn.MaxPool2d(2))

model = nn.Sequential(conv(1, 16), conv(16, 32), nn.Flatten(), nn.Linear(32 * 9, 64), nn.ReLU(), nn.Linear(64, 10))
opt = torch.optim.SGD(model.parameters(), lr=5e-6, momentum=0.9, weight_decay=5e-4, nesterov=True)
sch = torch.optim.lr_scheduler.CosineAnnealingLR(opt, EPOCHS * len(xtr) // BS)
crit = nn.CrossEntropyLoss(label_smoothing=SMOOTH)

for ep in range(EPOCHS):
    model.train()
    tl = 0
    for b in torch.randperm(len(xtr)).split(BS):
        xm, ya, yb, lam = mixup(xtr[b], ytr[b])
        p = model(xm)
        loss = lam * crit(p, ya) + (1 - lam) * crit(p, yb)
        opt.zero_grad(); loss.backward(); opt.step(); sch.step()
        tl += loss.item() * len(b) / len(xtr)
    model.eval()
    with torch.no_grad():
        p = model(xva); vl = F.cross_entropy(p, yva).item(); va = (p.argmax(1) == yva).float().mean().item()
        fl = F.cross_entropy(model(xtr[:2000]), ytr[:2000]).item()
    print(f'ep{ep} mixed loss {tl:.3f} | clean train {fl:.3f} val {vl:.3f} acc {va:.4f}')
print(f'val acc {va:.4f}')
