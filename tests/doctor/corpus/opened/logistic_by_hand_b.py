# logistic regression from scratch, autograd only for the gradients
import torch
from sklearn.datasets import load_breast_cancer

torch.manual_seed(4)
X, t = load_breast_cancer(return_X_y=True)
X = torch.tensor(X, dtype=torch.float32)
t = torch.tensor(t, dtype=torch.float32)
perm = torch.randperm(len(t))
X, t = X[perm], t[perm]
X_train, t_train, X_test, t_test = X[:400], t[:400], X[400:], t[400:]
mu, sigma = X_train.mean(0), X_train.std(0)
X_train = (X_train - mu) / sigma
X_test = (X_test - mu) / sigma

w = torch.zeros(30, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
vw, vb = torch.zeros(30), torch.zeros(1)
lr, momentum, l2 = 0.01, 0.8, 1e-2


def predict(X):
    return 1 / (1 + torch.exp(-(X @ w + b)))


def cross_entropy(p, t):
    eps = 1e-7
    return -(t * torch.log(p + eps) + (1 - t) * torch.log(1 - p + eps)).mean()


for epoch in range(40):
    perm = torch.randperm(len(t_train))
    for i in range(0, len(perm), 40):
        rows = perm[i:i + 40]
        loss = cross_entropy(predict(X_train[rows]), t_train[rows]) + l2 * (w ** 2).sum()
        loss.backward()
        with torch.no_grad():
            vw.mul_(momentum).add_(w.grad)
            vb.mul_(momentum).add_(b.grad)
            w -= lr * vw
            b -= lr * vb
    if epoch % 4 == 3:
        with torch.no_grad():
            train_p, test_p = predict(X_train), predict(X_test)
            acc = ((test_p > 0.5).float() == t_test).float().mean()
            print(f"{epoch + 1:3d} train {cross_entropy(train_p, t_train):.4f} "
                  f"test {cross_entropy(test_p, t_test):.4f} acc {acc:.4f}")
