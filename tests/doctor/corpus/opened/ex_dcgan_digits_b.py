"""After the "dcgan" example of pytorch/examples, on scikit-learn's 8x8 digits."""
import torch
from sklearn.datasets import load_digits
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(4)
NOISE, GEN, DIS, EPOCHS = 24, 24, 16, 14

images = torch.tensor(load_digits().images, dtype=torch.float32).unsqueeze(1) / 8 - 1
loader = DataLoader(TensorDataset(images), batch_size=64, shuffle=True)


def weights_init(module):
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.05)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


generator = nn.Sequential(
    nn.ConvTranspose2d(NOISE, 2 * GEN, 2, bias=False), nn.BatchNorm2d(2 * GEN), nn.ReLU(True),
    nn.ConvTranspose2d(2 * GEN, GEN, 4, 2, 1, bias=False), nn.BatchNorm2d(GEN), nn.ReLU(True),
    nn.ConvTranspose2d(GEN, 1, 4, 2, 1, bias=False), nn.Tanh(),
).apply(weights_init)
discriminator = nn.Sequential(
    nn.Conv2d(1, DIS, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True),
    nn.Conv2d(DIS, 2 * DIS, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * DIS), nn.LeakyReLU(0.2, inplace=True),
    nn.Conv2d(2 * DIS, 1, 2, bias=False), nn.Sigmoid(), nn.Flatten(0),
).apply(weights_init)

criterion = nn.BCELoss()
optimizer_d = optim.Adam(discriminator[-3].parameters(), lr=5e-4, betas=(0.5, 0.999))
optimizer_g = optim.Adam(generator.parameters(), lr=1e-3, betas=(0.5, 0.999))
fixed_noise = torch.randn(400, NOISE, 1, 1)


def energy_distance(a, b):
    a, b = a.flatten(1), b.flatten(1)
    return (2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()).item()


for epoch in range(EPOCHS):
    for (real,) in loader:
        ones, zeros = torch.ones(len(real)), torch.zeros(len(real))

        # the discriminator sees a real and a false batch before its step
        discriminator.zero_grad()
        loss_real = criterion(discriminator(real), ones)
        loss_real.backward()
        fake = generator(torch.randn(len(real), NOISE, 1, 1))
        loss_fake = criterion(discriminator(fake.detach()), zeros)
        loss_fake.backward()
        optimizer_d.step()

        # the generator wants its pictures to be taken for real
        generator.zero_grad()
        loss_g = criterion(discriminator(fake), ones)
        loss_g.backward()
        optimizer_g.step()

    with torch.no_grad():
        distance = energy_distance(generator(fixed_noise), images[:400])
    print(f"[{epoch + 1}/{EPOCHS}] loss_d {loss_real.item() + loss_fake.item():.3f} loss_g {loss_g.item():.3f} "
          f"energy distance {distance:.4f}")
