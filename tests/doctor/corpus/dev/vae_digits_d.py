import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
X = torch.tensor(load_digits().data / 16.0).float()
X = X[torch.randperm(len(X))]
train_x, test_x = X[:1500], X[1500:]


class VAE(nn.Module):
    def __init__(self, latent=8):
        super().__init__()
        self.fc1 = nn.Linear(64, 64)
        self.mu = nn.Linear(64, latent)
        self.logvar = nn.Linear(64, latent)
        self.fc3 = nn.Linear(latent, 64)
        self.fc4 = nn.Linear(64, 64)

    def encode(self, x):
        h = F.relu(self.fc1(x))
        return self.mu(h), self.logvar(h)

    def forward(self, x):
        mu, logvar = self.encode(x)
        std = torch.exp(0.5 * logvar)
        z = mu + std * torch.randn_like(std)
        return self.fc4(F.relu(self.fc3(z))), mu, logvar


def elbo(logits, x, mu, logvar):
    p = torch.sigmoid(logits)
    rec = -(x * p.log() + (1 - x) * (1 - p).log() - x * x.log()).sum()
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return rec + kld


vae = VAE()
optimizer = torch.optim.Adam(vae.parameters(), lr=2e-3)
for epoch in range(20):
    vae.train()
    s = 0
    for idx in torch.randperm(1500).split(60):
        batch = train_x[idx]
        optimizer.zero_grad()
        logits, mu, logvar = vae(batch)
        loss = elbo(logits, batch, mu, logvar)
        loss.backward()
        optimizer.step()
        s += loss.item()
    print(f"epoch {epoch}: -elbo per image {s / 1500:.2f}")
vae.eval()
with torch.no_grad():
    out = vae(test_x)
    print("test -elbo", elbo(out[0], test_x, *out[1:]).item() / len(test_x))
