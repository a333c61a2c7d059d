import numpy as np
import torch
from torch import nn

rng = np.random.default_rng(23)
torch.manual_seed(23)

n = 3000
age = rng.uniform(18, 90, n)
income = rng.lognormal(10, 0.5, n)
chronic = rng.integers(0, 4, n)
smoker = rng.integers(0, 2, n)
log_rate = -0.6 + 0.012 * age + 0.35 * chronic + 0.5 * smoker * (age > 50) - 0.25 * np.log(income / 22026)
visits = rng.poisson(np.exp(log_rate))

features = np.column_stack([age, np.log(income), chronic, smoker])
train, test = slice(0, 2200), slice(2200, None)
center, spread = features[train].mean(0), features[train].std(0)
X = torch.tensor((features - center) / spread, dtype=torch.float32)
y = torch.tensor(visits, dtype=torch.float32)

net = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 1), nn.Sigmoid(), nn.Flatten(0))
loss_fn = nn.PoissonNLLLoss(log_input=True)
optim = torch.optim.Adam(net.parameters(), lr=1e-3)


def deviance(log_mu, target):
    mu = log_mu.exp()
    return 2 * (torch.xlogy(target, target / mu) - (target - mu)).mean().item()


null = deviance(y[train].mean().log().expand_as(y[test]), y[test])
for epoch in range(20):
    for rows in torch.randperm(2200).split(50):
        optim.zero_grad()
        loss = loss_fn(net(X[train][rows]), y[train][rows])
        loss.backward()
        optim.step()
    if epoch % 2 == 1:
        with torch.no_grad():
            train_dev, test_dev = deviance(net(X[train]), y[train]), deviance(net(X[test]), y[test])
        print(f"epoch {epoch + 1:2d} deviance train {train_dev:.4f} test {test_dev:.4f}")
print(f"null deviance {null:.4f}, explained {1 - test_dev / null:.4f}")
