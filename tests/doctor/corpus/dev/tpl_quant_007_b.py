import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_gaussian_quantiles
from sklearn.preprocessing import StandardScaler

torch.manual_seed(76)
feats, labs = make_gaussian_quantiles(n_samples=1200, n_features=4, n_classes=3, random_state=76)
feats, labs = feats.astype('float32'), labs.astype('int64')
order = torch.randperm(len(feats)).numpy()
feats, labs = feats[order], labs[order]
xtr, xva = feats[:900], feats[900:]
ytr, yva = labs[:900], labs[900:]
scaler = StandardScaler().fit(xtr)
xtr, xva = scaler.transform(xtr), scaler.transform(xva)
xtr, xva = torch.tensor(xtr), torch.tensor(xva)
ytr, yva = torch.tensor(ytr), torch.tensor(yva)

mlp = nn.Sequential(
    nn.Linear(4, 32),
    nn.LayerNorm(32),
    nn.SiLU(),
    nn.Linear(32, 3),
)

for name, w in mlp.named_parameters():
    w.requires_grad = name.startswith(('out', 'head', '3.'))
optim = torch.optim.RMSprop(mlp.parameters(), lr=0.002)


def train_one_epoch():
    mlp.train()
    for start in range(0, len(xtr), 25):
        bx = xtr[start : start + 25]
        by = ytr[start : start + 25]
        scores = mlp(bx)
        err = F.cross_entropy(scores, by)
        err.backward()
        optim.step()
        optim.zero_grad()
    return err


def evaluate():
    mlp.eval()
    with torch.no_grad():
        val_out = mlp(xva)
        val_score = (val_out.argmax(1) == yva).float().mean().item()
    return val_score


for i_epoch in range(22):
    err = train_one_epoch()
    val_score = evaluate()
    print("%d: loss=%.4f accuracy=%.4f" % (i_epoch, err.item(), val_score))
