# train on smoothed one-hot rows instead of class numbers
import torch
from sklearn.datasets import load_digits

torch.manual_seed(21)
d = load_digits()
x = torch.from_numpy(d.data).float() / 16
soft = torch.full((len(x), 10), 0.01)
soft.scatter_(1, torch.from_numpy(d.target)[:, None], 0.91)
mix = torch.randperm(len(x))
x, soft = x[mix], soft[mix]
n = 1300
w = torch.nn.Linear(64, 1)
y = torch.from_numpy(d.target)[mix].float()
opt = torch.optim.Adam(w.parameters(), lr=0.02)
for e in range(15):
    for k in range(0, n, 65):
        loss = torch.nn.functional.mse_loss(w(x[k : min(k + 65, n)])[:, 0], y[k : min(k + 65, n)])
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(e, loss.item())
hit = w(x[n:])[:, 0].round() == soft[n:].argmax(1)
print("accuracy", hit.float().mean().item())
