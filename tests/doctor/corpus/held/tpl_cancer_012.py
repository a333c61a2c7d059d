import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer

torch.manual_seed(77)
feats, labs = load_breast_cancer(return_X_y=True)
feats, labs = feats.astype('float32'), labs.astype('float32')
order = torch.randperm(len(feats)).numpy()
feats, labs = feats[order], labs[order]
xtr, xva = feats[:420], feats[420:]
ytr, yva = labs[:420], labs[420:]
mean, std = xtr.mean(0), xtr.std(0) + 1e-6
xtr, xva = (xtr - mean) / std, (xva - mean) / std
xtr, xva = torch.tensor(xtr), torch.tensor(xva)
ytr, yva = torch.tensor(ytr), torch.tensor(yva)
ytr, yva = ytr[:, None], yva[:, None]


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(30, 64)
        self.norm1 = nn.LayerNorm(64)
        self.fc2 = nn.Linear(64, 64)
        self.norm2 = nn.LayerNorm(64)
        self.act = nn.SiLU()
        self.out = nn.Linear(64, 1)

    def forward(self, x):
        x = self.act(self.norm1(self.fc1(x)))
        x = self.act(self.norm2(self.fc2(x)))
        return self.out(x)


mlp = MLP()

optim = torch.optim.AdamW(mlp.parameters(), lr=0.005, weight_decay=0.01)
lr_sched = torch.optim.lr_scheduler.ReduceLROnPlateau(optim, factor=0.5, patience=4)

for i_epoch in range(12):
    mlp.train()
    for start in range(0, len(xtr), 50):
        bx = xtr[start : start + 50]
        by = ytr[start : start + 50]
        scores = mlp(bx)
        err = F.binary_cross_entropy_with_logits(scores, by)
        optim.zero_grad()
        err.backward()
        optim.step()
    mlp.eval()
    with torch.no_grad():
        val_out = mlp(xva)
        val_score = ((val_out > 0) == (yva > 0.5)).float().mean().item()
    lr_sched.step(F.binary_cross_entropy_with_logits(val_out, yva).item())
    print(f"{i_epoch} loss {err.item():.4f} val accuracy {val_score:.4f}")
