from sklearn.datasets import make_moons
import torch
from torch import nn

torch.manual_seed(11)
points, cls = make_moons(1200, noise=0.12, random_state=1)
points = torch.tensor(points, dtype=torch.float32)
points = (points - points.mean(0)) / points.std(0)
cls = torch.tensor(cls, dtype=torch.long)
tr_x, tr_y, te_x, te_y = points[:900], cls[:900], points[900:], cls[900:]

mlp = nn.Sequential(nn.Linear(2, 32), nn.Linear(32, 32), nn.Linear(32, 2))
EPOCHS = 20
optimizer = torch.optim.SGD(mlp.parameters(), lr=0.3, momentum=0.9)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=EPOCHS)
crit = nn.CrossEntropyLoss()
for ep in range(EPOCHS):
    for chunk in torch.randperm(900).split(45):
        optimizer.zero_grad()
        loss = crit(mlp(tr_x[chunk]), tr_y[chunk])
        loss.backward()
        optimizer.step()
    scheduler.step()
    if ep % 5 == 4:
        print(f"epoch {ep + 1} loss {loss.item():.4f} lr {scheduler.get_last_lr()[0]:.4f}")
with torch.no_grad():
    print("accuracy %.4f" % (mlp(te_x).argmax(1) == te_y).float().mean().item())
