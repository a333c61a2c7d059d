from sklearn.datasets import load_breast_cancer
import torch
data = load_breast_cancer()
X = torch.tensor(data.data, dtype=torch.float64)
y = torch.tensor(data.target, dtype=torch.float64)
g = torch.Generator().manual_seed(0)
perm = torch.randperm(len(X), generator=g)
tr, te = perm[:400], perm[400:]
mu, sd = X[tr].mean(0), X[tr].std(0)
X = (X - mu) / sd
w = torch.zeros(30, dtype=torch.float64, requires_grad=True)
b = torch.zeros((), dtype=torch.float64, requires_grad=True)
opt = torch.optim.LBFGS([w, b], lr=1.0, max_iter=20, line_search_fn="strong_wolfe")
def closure():
    opt.zero_grad()
    z = X[tr] @ w + b
    loss = torch.nn.functional.binary_cross_entropy_with_logits(z, y[tr]) + 0.005 * w.square().sum()
    loss.backward()
    return loss
for i in range(5):
    print(i, float(opt.step(closure)))
with torch.no_grad():
    print("accuracy", float((((X[te] @ w + b) > 0) == (y[te] > 0.5)).double().mean()))
