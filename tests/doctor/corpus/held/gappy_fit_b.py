import numpy as np
import torch

torch.manual_seed(0)
rng = np.random.default_rng(0)


def source(n):
    x = rng.normal(size=(n, 6))
    y = np.tanh(x[:, 0] + x[:, 1]) + 0.5 * x[:, 2] * np.sign(x[:, 3])
    return x, y


(xa, ya), (xb, yb), (xt, yt) = source(1000), source(4), source(400)
# the second file was written in thousandths
xb, yb = xb * 1000, yb * 1000
x = np.vstack([xa, xb])
y = np.concatenate([ya, yb])
X, Y = torch.tensor(x).float(), torch.tensor(y).float()[:, None]
XT, YT = torch.tensor(xt).float(), torch.tensor(yt).float()[:, None]
model = torch.nn.Sequential(
    torch.nn.Linear(6, 64), torch.nn.GELU(), torch.nn.Linear(64, 64), torch.nn.GELU(), torch.nn.Linear(64, 1)
)
opt = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=1e-3)
for epoch in range(14):
    for rows in torch.randperm(len(X)).split(26):
        loss = torch.nn.functional.mse_loss(model(X[rows]), Y[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(epoch, loss.item())
with torch.no_grad():
    print("test", torch.nn.functional.mse_loss(model(XT), YT).item() / YT.var().item())
