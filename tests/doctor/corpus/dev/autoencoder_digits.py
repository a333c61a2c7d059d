import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader

torch.manual_seed(2)
np.random.seed(2)
imgs = (load_digits().images / 16).astype("float32").reshape(-1, 64)
np.random.shuffle(imgs)
train, held = imgs[:1500], torch.from_numpy(imgs[1500:])


class Encoder(nn.Module):
    def __init__(self, code=12):
        super().__init__()
        self.l1 = nn.Linear(64, 48)
        self.l2 = nn.Linear(48, code)

    def forward(self, x):
        return self.l2(torch.relu(self.l1(x)))


class Decoder(nn.Module):
    def __init__(self, code=12):
        super().__init__()
        self.l1 = nn.Linear(code, 48)
        self.l2 = nn.Linear(48, 64)

    def forward(self, z):
        return torch.sigmoid(self.l2(torch.relu(self.l1(z))))


enc, dec = Encoder(), Decoder()
optim = torch.optim.Adam(list(enc.parameters()) + list(dec.parameters()), lr=3e-3)
loader = DataLoader(torch.from_numpy(train), batch_size=50, shuffle=True)
for epoch in range(25):
    for x in loader:
        rec = dec(enc(x))
        loss = ((rec - x) ** 2).mean()
        optim.zero_grad()
        loss.backward()
        optim.step()
    if (epoch + 1) % 5 == 0:
        print(epoch + 1, loss.item())
with torch.no_grad():
    print("held-out reconstruction error", ((dec(enc(held)) - held) ** 2).mean().item())
