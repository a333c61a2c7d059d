import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
torch.manual_seed(0)
d = load_digits()
a, b, c, e = train_test_split(d.data / 16.0, d.target, test_size=0.2, random_state=0, stratify=d.target)
mk = lambda p, q: TensorDataset(torch.tensor(p, dtype=torch.float32), torch.tensor(q))
train, test = DataLoader(mk(a, c), batch_size=16, shuffle=True, drop_last=True), DataLoader(mk(b, e), batch_size=128)
model = nn.Sequential(nn.Linear(64, 128), nn.LayerNorm(128), nn.GELU(), nn.Linear(128, 10))
opt = torch.optim.AdamW(model.parameters(), lr=3e-3)
EVERY, EPOCHS = 4, 8
total = EPOCHS * (len(train) // EVERY)
warm = torch.optim.lr_scheduler.LambdaLR(opt, lambda s: min(1.0, (s + 1) / 10) * max(0.05, 1 - s / total))
for epoch in range(EPOCHS):
    model.train()
    opt.zero_grad()
    for k, (x, y) in enumerate(train):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = nn.functional.cross_entropy(model(x), y, label_smoothing=0.05) / EVERY
        loss.backward()
        if (k + 1) % EVERY == 0:
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            opt.step(); warm.step(); opt.zero_grad()
    model.eval()
    right = sum((model(x).argmax(1) == y).sum().item() for x, y in test)
    print(epoch, right / len(test.dataset))
