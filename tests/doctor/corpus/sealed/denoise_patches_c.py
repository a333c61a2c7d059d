"""Denoising autoencoder for digits: noisy picture in, clean picture out."""
from argparse import Namespace
import torch
from torch import nn
from sklearn.datasets import load_digits

cfg = Namespace(noise=0.35, hidden=128, code=24, lr=2e-3, epochs=30, bs=60, seed=41)
torch.manual_seed(cfg.seed)
clean = torch.from_numpy(load_digits().images).float().flatten(1) / 16
clean = clean[torch.randperm(len(clean))]
train, val = clean[:1440], clean[1440:]
val_noisy = val + cfg.noise * torch.randn_like(val)
print("error without a model %.4f" % (val_noisy - val).square().mean())

encoder = nn.Sequential(nn.Linear(64, cfg.hidden), nn.LeakyReLU(0.1), nn.Linear(cfg.hidden, cfg.code))
decoder = nn.Sequential(nn.Linear(cfg.code, cfg.hidden), nn.LeakyReLU(0.1), nn.Linear(cfg.hidden, 64), nn.Sigmoid())
model = nn.Sequential(encoder, decoder)
opt = torch.optim.RMSprop(model.parameters(), lr=cfg.lr)
sched = torch.optim.lr_scheduler.PolynomialLR(opt, total_iters=cfg.epochs, power=1.0)
mse = nn.MSELoss()
for epoch in range(cfg.epochs):
    model.train()
    acc = 0.0
    for i in torch.randperm(len(train)).split(cfg.bs):
        batch = train[i]
        out = model(batch + cfg.noise * torch.randn_like(batch))
        loss = mse(out, batch)
        opt.zero_grad()
        loss.backward()
        opt.step()
        acc += loss.item() / 24
    sched.step()
    model.eval()
    with torch.no_grad():
        v = mse(model((val_noisy - val_noisy.mean()) / val_noisy.std()), val).item()
    if (epoch + 1) % 3 == 0:
        print("epoch %d train %.5f val %.5f" % (epoch + 1, acc, v))
print("val error %.5f" % v)
