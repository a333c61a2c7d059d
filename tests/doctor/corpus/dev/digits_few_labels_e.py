import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(5)
d = load_digits()
x = torch.tensor(d.data, dtype=torch.float32).div(16).sub(0.3).div(0.37)
y = torch.tensor(d.target)
shuffle = torch.randperm(len(x))
x, y = x[shuffle], y[shuffle]
xl, yl, xu, yu = x[:400], y[:400], x[400:], y[400:]
# many labels were written down wrongly
wrong = torch.rand(400) < 0.3
yl = torch.where(wrong, torch.randint(0, 10, (400,)), yl)

hidden, p_drop, epochs = 32, 0.4, 18
model = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Dropout(p_drop), nn.Linear(hidden, 10))
opt = torch.optim.AdamW(model.parameters(), lr=0.6, weight_decay=0.05)
ce = nn.CrossEntropyLoss()
for epoch in range(epochs):
    model.train()
    total = 0.0
    for rows in torch.randperm(400).split(20):
        loss = ce(model(xl[rows]), yl[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item()
    model.eval()
    with torch.no_grad():
        out = model(xu)
        val, acc = ce(out, yu).item(), (out.argmax(1) == yu).float().mean().item()
    print(f"epoch {epoch}: train {total / 20:.3f} val acc {acc:.3f} val {val:.3f}")
