import torch
from torch import nn
from sklearn.datasets import load_iris
from sklearn.model_selection import StratifiedKFold
X, y = load_iris(return_X_y=True)
X = (X - X.mean(0)) / X.std(0)
scores = []
for fold, (tr, te) in enumerate(StratifiedKFold(5, shuffle=True, random_state=0).split(X, y)):
    torch.manual_seed(fold)
    xt, yt = torch.tensor(X[tr], dtype=torch.float32), torch.tensor(y[tr])
    xv, yv = torch.tensor(X[te], dtype=torch.float32), torch.tensor(y[te])
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
    opt = torch.optim.Adam(model.parameters(), lr=1e-2)
    for epoch in range(20):
        for i in torch.randperm(len(xt)).split(16):
            opt.zero_grad()
            nn.functional.cross_entropy(model(xt[i]), yt[i]).backward()
            opt.step()
    model.eval()
    with torch.no_grad(): scores.append((model(xv).argmax(1) == yv).float().mean().item())
    print("fold", fold, "test accuracy", scores[-1])
print("mean", sum(scores) / len(scores))
