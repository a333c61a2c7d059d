import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(5)
data = torch.tensor(load_digits().data, dtype=torch.float32) / 16.0
data = data[torch.randperm(len(data))]
train, test = data[:1400], data[1400:]


class VAE(nn.Module):
    def __init__(self, latent=6):
        super().__init__()
        self.fc1 = nn.Linear(64, 64)
        self.fc21 = nn.Linear(64, latent)
        self.fc22 = nn.Linear(64, latent)
        self.fc3 = nn.Linear(latent, 64)
        self.fc4 = nn.Linear(64, 64)

    def encode(self, x):
        h1 = F.relu(self.fc1(x))
        return self.fc21(h1), self.fc22(h1)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        eps = torch.randn_like(std)
        return mu + eps * std

    def decode(self, z):
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z))))

    def forward(self, x):
        mu, logvar = self.encode(x)
        z = self.reparameterize(mu, logvar)
        return self.decode(z), mu, logvar


def loss_function(recon_x, x, mu, logvar):
    bce = F.binary_cross_entropy(recon_x, x, reduction="sum")
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return bce + kld, bce


model = VAE()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

for epoch in range(1, 36):
    model.train()
    train_loss = 0
    for batch in torch.randperm(len(train)).split(64):
        x = train[batch]
        optimizer.zero_grad()
        recon, mu, logvar = model(x)
        loss, _ = loss_function(recon, x, mu, logvar)
        loss.backward()
        optimizer.step()
        train_loss += loss.item()
    model.eval()
    with torch.no_grad():
        recon, mu, logvar = model(test)
        test_loss, test_bce = loss_function(recon, test, mu, logvar)
    if epoch % 2:
        print("====> Epoch: %d train %.3f test %.3f" % (epoch, train_loss / len(train), test_loss / len(test)))

print("test reconstruction (nats per image): %.3f" % (test_bce / len(test)))
