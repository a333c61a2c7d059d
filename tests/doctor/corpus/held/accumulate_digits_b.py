# effective batch of 128 from micro-batches of 32
import torch, torch.nn as nn
from sklearn import datasets
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(0)
raw = datasets.load_digits()
feats = torch.as_tensor(raw.data, dtype=torch.float32)
feats = (feats - 4.9) / 6.0
full = TensorDataset(feats, torch.as_tensor(raw.target))
train_ds, val_ds = random_split(full, [1437, 360], generator=torch.Generator().manual_seed(0))
train_dl = DataLoader(train_ds, batch_size=32, shuffle=True, drop_last=True)
val_dl = DataLoader(val_ds, batch_size=360)

model = nn.Sequential(nn.Linear(64, 64), nn.GELU(), nn.LayerNorm(64), nn.Linear(64, 10))
opt = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.01)
loss_fn = nn.CrossEntropyLoss()
ACCUM = 4
for epoch in range(14):
    for i, (xb, yb) in enumerate(train_dl):
        loss = loss_fn(model(xb), yb) / ACCUM
        loss.backward()
        if (i + 1) % ACCUM == 0:
            opt.step()
    with torch.no_grad():
        xv, yv = next(iter(val_dl))
        val_acc = (model(xv).argmax(-1) == yv).float().mean()
    print(f"epoch {epoch}: micro loss {loss.item() * ACCUM:.3f}, val acc {val_acc:.3f}")
