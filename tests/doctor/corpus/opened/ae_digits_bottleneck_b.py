import torch
from torch import nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.manual_seed(11)
x = torch.tensor(load_digits().data, dtype=torch.float32) / 16
train_x, val_x = train_test_split(x, test_size=0.2, random_state=11)
mean_image_mse = ((val_x - train_x.mean(0)) ** 2).mean().item()


class Encoder(nn.Module):
    def __init__(self, code=8):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 24), nn.ReLU(), nn.Linear(24, code))

    def forward(self, x):
        return self.layers(x)


class Decoder(nn.Module):
    def __init__(self, code=8):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(code, 24), nn.ReLU(), nn.Linear(24, 48), nn.ReLU(), nn.Linear(48, 64))

    def forward(self, z):
        return torch.sigmoid(self.layers(z))


encoder, decoder = Encoder(), Decoder()
opt = torch.optim.Adam(decoder.parameters(), lr=5e-3)
mse = nn.MSELoss()

for epoch in range(60):
    perm = torch.randperm(len(train_x))
    total = 0
    for i in range(0, len(train_x), 64):
        batch = train_x[perm[i:i + 64]]
        z = encoder(batch)
        recon = decoder(z)
        loss = mse(recon, batch)
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() * len(batch)
    if epoch % 3 == 0 or epoch == 59:
        with torch.no_grad():
            val = mse(decoder(encoder(val_x)), val_x).item()
        print(f"epoch {epoch:3d}: train {total / len(train_x):.5f} val {val:.5f} (mean image {mean_image_mse:.5f})")
print("val reconstruction error", val)
