import torch
from torch import nn
from torch.utils.data import Dataset, DataLoader
from sklearn.datasets import make_multilabel_classification
class Tags(Dataset):
    def __init__(self, lo, hi):
        X, Y = make_multilabel_classification(1500, 30, n_classes=8, n_labels=2, random_state=1)
        self.x, self.y = torch.tensor(X[lo:hi], dtype=torch.float32), torch.tensor(Y[lo:hi])
    def __len__(self): return len(self.x)
    def __getitem__(self, i): return {"features": torch.log1p(self.x[i]), "tags": self.y[i]}
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(30, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 8))
crit = nn.BCEWithLogitsLoss()
opt = torch.optim.Adam(model.parameters(), 2e-3)
dl, vl = DataLoader(Tags(0, 1200), 40, shuffle=True), DataLoader(Tags(1200, 1500), 100)
for ep in range(12):
    model.train()
    for batch in dl:
        loss = crit(model(batch["features"]), batch["tags"].float())
        opt.zero_grad(); loss.backward(); opt.step()
    model.eval(); tp = fp = fn = 0
    with torch.no_grad():
        for batch in vl:
            p = model(batch["features"]) > 0; t = batch["tags"].bool()
            tp += (p & t).sum().item(); fp += (p & ~t).sum().item(); fn += (~p & t).sum().item()
    print(ep, 2 * tp / (2 * tp + fp + fn))
