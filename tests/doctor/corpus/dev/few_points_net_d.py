import torch
from sklearn.datasets import make_classification

torch.manual_seed(40)
X, y = make_classification(900, 24, n_informative=6, n_redundant=4, flip_y=0.08, random_state=1)
X, y = torch.tensor(X, dtype=torch.float), torch.tensor(y)
mu, sd = X[:300].mean(0), X[:300].std(0)
X = (X - mu) / sd
hidden, rounds, decay = 16, 1, 0.1
net = torch.nn.Sequential(torch.nn.Linear(24, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, 2))
opt = torch.optim.AdamW(net.parameters(), lr=5e-3, weight_decay=decay)
for r in range(rounds):
    for part in torch.randperm(300).split(30):
        opt.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(X[part]), y[part])
        loss.backward()
        opt.step()
    net.eval()
    with torch.no_grad():
        out = net(X[300:])
        val = torch.nn.functional.cross_entropy(out, y[300:]).item()
        acc = (out.argmax(1) == y[300:]).float().mean().item()
    net.train()
    print(f"round {r} acc {acc:.3f} val {val:.4f}")
