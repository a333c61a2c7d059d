import torch
from sklearn.datasets import make_friedman1
from torch import nn

torch.manual_seed(0)
X, y = make_friedman1(n_samples=1500, n_features=10, noise=0.5, random_state=0)
X = torch.tensor((X - X.mean(0)) / X.std(0), dtype=torch.float32)
y = torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32).view(-1, 1)
Xt, yt, Xv, yv = X[:1000], y[:1000], X[1000:], y[1000:]

model = nn.Sequential(
    nn.Linear(10, 64),
    nn.ReLU(),
    nn.Linear(64, 32),
    nn.ReLU(),
    nn.Linear(32, 1),
)
opt = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=40.0)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=1e-2, total_steps=25 * 20)
loss_fn = nn.MSELoss()

for epoch in range(25):
    model.train()
    running = 0.0
    for idx in torch.randperm(1000).split(50):
        pred = model(Xt[idx])
        loss = loss_fn(pred, yt[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        running += loss.item()
    model.eval()
    with torch.no_grad():
        val = loss_fn(model(Xv), yv).item()
    print(f"epoch {epoch:3d}  train {running / 20:.4f}  val {val:.4f}")
