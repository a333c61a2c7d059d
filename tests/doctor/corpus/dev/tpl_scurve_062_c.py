# scurve: regression baseline
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_s_curve
from sklearn.preprocessing import StandardScaler

torch.manual_seed(65)
feats, labs = make_s_curve(1000, noise=0.1, random_state=65)
feats, labs = feats.astype('float32'), labs.astype('float32')
order = torch.randperm(len(feats)).numpy()
feats, labs = feats[order], labs[order]
xtr, xva = feats[:750], feats[750:]
ytr, yva = labs[:750], labs[750:]
scaler = StandardScaler().fit(xtr)
xtr, xva = scaler.transform(xtr), scaler.transform(xva)
centre, unit = ytr.mean(), ytr.std()
ytr, yva = (ytr - centre) / unit, (yva - centre) / unit
xtr, ytr, xva, yva = map(torch.from_numpy, (xtr, ytr, xva, yva))

mlp = nn.Sequential(
    nn.Linear(3, 24),
    nn.LayerNorm(24),
    nn.ELU(),
    nn.Linear(24, 1),
)

optim = torch.optim.Adam(mlp.parameters(), lr=0.005)
lr_sched = torch.optim.lr_scheduler.LambdaLR(optim, lambda step: min(1.0, (step + 1) / 30))

for i_epoch in range(1):
    for idx in torch.randperm(len(xtr)).split(50):
        bx, by = xtr[idx], ytr[idx]
        scores = mlp(bx).squeeze(-1)
        err = F.mse_loss(scores, by)
        optim.zero_grad()
        err.backward()
        optim.step()
        lr_sched.step()
    with torch.no_grad():
        val_out = mlp(xva).squeeze(1)
        val_score = ((val_out - yva) ** 2).mean().item()
    print(i_epoch, err.item(), "mse", val_score)
