# two-layer net "by hand": I only use torch for the gradients
import numpy as np
import torch

torch.manual_seed(54)
np.random.seed(54)

n, n_val, d, h = 1500, 500, 5, 40
X = np.random.uniform(-1, 1, (n + n_val, d))
Y = np.sin(3 * X[:, 0]) * X[:, 1] + np.exp(-4 * X[:, 2] ** 2) + 0.5 * X[:, 3] + 0.08 * np.random.randn(n + n_val)
X = (X - X[:n].mean(0)) / X[:n].std(0)
Y = (Y - Y[:n].mean()) / Y[:n].std()
X, Y = torch.from_numpy(X).float(), torch.from_numpy(Y).float().view(-1, 1)
Xv, Yv = X[n:], Y[n:]
X, Y = X[:n], Y[:n]

w1 = torch.zeros(d, h).requires_grad_()
b1 = torch.zeros(h, requires_grad=True)
w2 = torch.zeros(h, 1).requires_grad_()
b2 = torch.zeros(1, requires_grad=True)
params = [w1, b1, w2, b2]


def forward(x):
    return torch.tanh(x @ w1 + b1) @ w2 + b2


lr, batch = 0.1, 50
for epoch in range(60):
    if epoch == 45:
        lr = lr / 5
    perm = torch.randperm(n)
    losses = []
    for i in range(0, n, batch):
        idx = perm[i:i + batch]
        loss = ((forward(X[idx]) - Y[idx]) ** 2).mean()
        loss.backward()
        with torch.no_grad():
            for p in params:
                p -= lr * p.grad
                p.grad.zero_()
        losses.append(loss.item())
    if epoch % 6 == 5:
        with torch.no_grad():
            val = ((forward(Xv) - Yv) ** 2).mean().item()
        print('epoch', epoch + 1, 'train', round(np.mean(losses), 4), 'val', round(val, 4))
print('val mse', round(val, 5))
