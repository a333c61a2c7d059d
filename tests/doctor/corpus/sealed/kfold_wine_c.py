# 5-fold cross-validation on the wine data
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_wine
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

torch.manual_seed(33)
X, y = load_wine(return_X_y=True)


def make_model():
    return nn.Sequential(nn.Linear(13, 12), nn.ReLU(), nn.Dropout(0.2), nn.Linear(12, 3))


def train_fold(X_tr, y_tr, X_va, y_va, epochs=35):
    scaler = StandardScaler().fit(X_tr)
    X_tr = torch.tensor(X_tr, dtype=torch.float32)
    X_va = torch.tensor(X_va, dtype=torch.float32)
    y_tr, y_va = torch.tensor(y_tr), torch.tensor(y_va)
    model = make_model()
    opt = torch.optim.Adam(model.parameters(), lr=0.02, weight_decay=1e-2)
    sch = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
    loss_fn = nn.CrossEntropyLoss()
    for epoch in range(epochs):
        model.train()
        for rows in torch.randperm(len(X_tr)).split(24):
            opt.zero_grad()
            loss = loss_fn(model(X_tr[rows]), y_tr[rows])
            loss.backward()
            opt.step()
        sch.step()
        model.eval()
        with torch.no_grad():
            tr, va = loss_fn(model(X_tr), y_tr).item(), loss_fn(model(X_va), y_va).item()
        if epoch % 7 == 6:
            print(f'   epoch {epoch + 1:2d}  train {tr:.4f}  val {va:.4f}')
    with torch.no_grad():
        acc = (model(X_va).argmax(1) == y_va).float().mean().item()
    return va, acc


losses, scores = [], []
for fold, (tr, va) in enumerate(StratifiedKFold(5, shuffle=True, random_state=1).split(X, y)):
    print('fold', fold)
    l, a = train_fold(X[tr], y[tr], X[va], y[va])
    losses.append(l)
    scores.append(a)
print('accuracy %.4f +- %.4f' % (np.mean(scores), np.std(scores)))
print('mean log loss %.4f' % np.mean(losses))
