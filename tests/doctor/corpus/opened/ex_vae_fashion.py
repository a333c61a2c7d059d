"""After the "vae" example of pytorch/examples, smaller and on Fashion-MNIST."""
import gzip

import torch
from torch import nn, optim
from torch.nn import functional as F
from torch.utils.data import DataLoader

torch.manual_seed(1)
FOLDER = "/usr/share/datasets/fashion-mnist/"
EPOCHS, BATCH, CODE = 14, 64, 12


def pixels(prefix, count):
    raw = gzip.open(f"{FOLDER}{prefix}-images-idx3-ubyte.gz").read(16 + 784 * count)[16:]
    return torch.tensor(list(raw), dtype=torch.float32).view(count, 784) / 255


train_loader = DataLoader(pixels("train", 2500), batch_size=BATCH, shuffle=True)
test_loader = DataLoader(pixels("t10k", 500), batch_size=250)


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(784, 200)
        self.to_mean = nn.Linear(200, CODE)
        self.to_logvar = nn.Linear(200, CODE)
        self.from_code = nn.Linear(CODE, 200)
        self.to_pixels = nn.Linear(200, 784)

    def forward(self, x):
        h = F.relu(self.inner(x))
        mean, logvar = self.to_mean(h), self.to_logvar(h)
        code = mean + torch.randn_like(mean) * (logvar / 2).exp()
        return torch.sigmoid(self.to_pixels(F.relu(self.from_code(code)))), mean, logvar


def negative_elbo(reconstruction, x, mean, logvar):
    surprise = F.binary_cross_entropy(reconstruction, x, reduction="sum")
    divergence = 0.5 * (mean ** 2 + logvar.exp() - 1 - logvar).sum()
    return surprise + divergence


model = VAE()
optimizer = optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(1, EPOCHS + 1):
    model.train()
    train_loss = 0.0
    for batch in train_loader:
        optimizer.zero_grad()
        reconstruction, mean, logvar = model(batch)
        loss = negative_elbo(reconstruction, batch, mean, logvar)
        loss.backward()
        optimizer.step()
        train_loss += loss.item()
    model.eval()
    with torch.no_grad():
        test_loss = 0.0
        for batch in test_loader:
            reconstruction, mean, logvar = model(batch)
            test_loss += negative_elbo(reconstruction, batch, mean, logvar).item()
    print(f"epoch {epoch} train {train_loss / len(train_loader.dataset):.3f} test {test_loss / len(test_loader.dataset):.3f}")
