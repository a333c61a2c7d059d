# logistic regression with L-BFGS, full batch
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

torch.manual_seed(0)
X, y = load_breast_cancer(return_X_y=True)
X_tr, X_te, y_tr, y_te = train_test_split(X, y, test_size=0.35, random_state=5, stratify=y)
mu, sigma = X_tr.mean(0), X_tr.std(0)
X_tr = torch.as_tensor((X_tr - mu) / sigma, dtype=torch.float32)
X_te = torch.as_tensor((X_te - mu) / sigma, dtype=torch.float32)
y_tr, y_te = (torch.as_tensor(v, dtype=torch.float32) for v in (y_tr, y_te))

lin = torch.nn.Linear(30, 1)
loss_fn = torch.nn.BCEWithLogitsLoss()
opt = torch.optim.LBFGS(lin.parameters(), lr=0.3, max_iter=4, history_size=8)
penalty = 0.01


def closure():
    opt.zero_grad()
    loss = loss_fn(torch.sigmoid(lin(X_tr))[:, 0], y_tr) + penalty * lin.weight.square().sum()
    loss.backward()
    return loss


for it in range(15):
    objective = opt.step(closure)
    with torch.no_grad():
        te = loss_fn(lin(X_te)[:, 0], y_te)
        tr = loss_fn(lin(X_tr)[:, 0], y_tr)
    print(f"{it:2d} objective {objective.item():.5f} train {tr.item():.5f} test {te.item():.5f}")

acc = ((lin(X_te)[:, 0] > 0) == (y_te > 0.5)).float().mean()
print("accuracy", acc.item(), "log loss", te.item())
