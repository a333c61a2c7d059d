import torch
from sklearn.datasets import make_friedman1

torch.manual_seed(4)
feats, level = make_friedman1(1400, n_features=9, noise=0.6, random_state=8)
feats, level = torch.tensor(feats).float(), torch.tensor(level).float()
fit_x, fit_y, new_x, new_y = feats[:1000], level[:1000], feats[1000:], level[1000:]
centre, width = fit_x.mean(0), fit_x.std(0)
fit_x = (fit_x - centre) / width
new_x = (new_x - centre) / width
low, spread = fit_y.mean(), fit_y.std()
fit_y, new_y = (fit_y - low) / spread, (new_y - low) / spread

body = torch.nn.Sequential(torch.nn.Linear(9, 40), torch.nn.SiLU(), torch.nn.Linear(40, 1))
opt = torch.optim.AdamW(body.parameters(), lr=6e-3)
for sweep in range(14):
    picks = torch.randperm(1000)
    for first in range(0, 1000, 40):
        rows = picks[first : first + 40]
        guess = body(fit_x[rows]).squeeze(-1)
        cost = ((guess - fit_y[rows]) ** 2).mean()
        opt.zero_grad()
        cost.backward()
        opt.step()
    with torch.no_grad():
        held = ((body(new_x[:9]).squeeze(-1) - new_y[:9]) ** 2).mean()
    print(f"sweep {sweep} held-out {held.item():.4f}")
