import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

X, y = load_breast_cancer(return_X_y=True)


def fit_and_score(hidden, Xtr, ytr, Xte, yte, seed):
    torch.manual_seed(seed)
    prep = make_pipeline(StandardScaler())
    a = torch.tensor(prep.fit_transform(Xtr), dtype=torch.float32)
    b = torch.tensor(prep.transform(Xte), dtype=torch.float32)
    t = torch.tensor(ytr)
    net = torch.nn.Sequential(torch.nn.Linear(30, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, 2))
    opt = torch.optim.Adam(net.parameters(), lr=5e-3, weight_decay=1e-3)
    for _ in range(10):
        for i in torch.randperm(len(a)).split(38):
            opt.zero_grad()
            torch.nn.functional.cross_entropy(net(a[i]), t[i]).backward()
            opt.step()
    with torch.no_grad():
        return (net(b).argmax(1).numpy() == yte).mean()


for hidden in (4, 16):
    folds = StratifiedKFold(3, shuffle=True, random_state=1).split(X, y)
    acc = [fit_and_score(hidden, X[tr], y[tr], X[te], y[te], k) for k, (tr, te) in enumerate(folds)]
    print(f"hidden {hidden}: {np.mean(acc):.4f}")
