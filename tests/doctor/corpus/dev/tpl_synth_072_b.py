# synth: classification baseline
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_classification

torch.manual_seed(49)
feats, labs = make_classification(1200, 20, n_informative=8, n_classes=4, class_sep=1.6, n_clusters_per_class=1, flip_y=0.0, random_state=49)
feats, labs = feats.astype('float32'), labs.astype('int64')
order = torch.randperm(len(feats)).numpy()
feats, labs = feats[order], labs[order]
xtr, xva = feats[:900], feats[900:]
ytr, yva = labs[:900], labs[900:]
mean, std = xtr.mean(0), xtr.std(0) + 1e-6
xtr, xva = (xtr - mean) / std, (xva - mean) / std
xtr, xva = torch.tensor(xtr), torch.tensor(xva)
ytr, yva = torch.tensor(ytr), torch.tensor(yva)

mlp = nn.Sequential(
    nn.Linear(20, 24),
    nn.Tanh(),
    nn.Linear(24, 24),
    nn.Tanh(),
    nn.Linear(24, 4),
)

for layer in mlp.modules():
    if isinstance(layer, nn.Linear) and layer.out_features == 24:
        nn.init.normal_(layer.weight, std=12.0)
optim = torch.optim.Adagrad(mlp.parameters(), lr=0.05)
lr_sched = torch.optim.lr_scheduler.ReduceLROnPlateau(optim, factor=0.5, patience=4)

for i_epoch in range(14):
    mlp.train()
    for _ in range(23):
        idx = torch.randint(0, len(xtr), (40,))
        bx, by = xtr[idx], ytr[idx]
        scores = mlp(bx)
        err = F.cross_entropy(scores, by)
        optim.zero_grad()
        err.backward()
        optim.step()
    mlp.eval()
    with torch.no_grad():
        val_out = mlp(xva)
        val_score = (val_out.argmax(1) == yva).float().mean().item()
    lr_sched.step(F.cross_entropy(val_out, yva).item())
    print(i_epoch, err.item(), "accuracy", val_score)
