"""Adversarial training with one FGSM step on the small digits."""
import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(57)
EPS = 0.1


def fgsm(model, x, y):
    x = x.clone().requires_grad_()
    loss = F.cross_entropy(model(x), y)
    grad, = torch.autograd.grad(loss, x)
    return (x + EPS * grad.sign()).clamp(0, 1).detach()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 16, 3, padding=1)
        self.c2 = nn.Conv2d(16, 24, 3, padding=1)
        self.fc = nn.Linear(24 * 4, 10)
        nn.init.constant_(self.c1.bias, -0.8)
        nn.init.constant_(self.c2.bias, -0.8)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.c1(x)), 2)
        x = F.max_pool2d(F.relu(self.c2(x)), 2)
        return self.fc(x.flatten(1))


digits = load_digits()
images = torch.tensor(digits.images / 16, dtype=torch.float32).unsqueeze(1)
labels = torch.tensor(digits.target)
order = torch.randperm(len(images))
train = TensorDataset(images[order[:1300]], labels[order[:1300]])
x_test, y_test = images[order[1300:]], labels[order[1300:]]
loader = DataLoader(train, batch_size=50, shuffle=True)
model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 12, gamma=0.2)
for epoch in range(16):
    model.train()
    clean = hard = 0.0
    for x, y in loader:
        attacked = fgsm(model, x, y)
        loss = F.cross_entropy(model(attacked), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        hard += loss.item() / len(loader)
    scheduler.step()
    model.eval()
    bad = fgsm(model, x_test, y_test)
    with torch.no_grad():
        val = F.cross_entropy(model(bad), y_test).item()
        acc = (model(x_test).argmax(1) == y_test).float().mean().item()
        robust = (model(bad).argmax(1) == y_test).float().mean().item()
    print(f"epoch {epoch:2d} train (attacked) {hard:.4f} test (attacked) {val:.4f} accuracy {acc:.4f} robust {robust:.4f}")
print(f"robust accuracy {robust:.4f}")
