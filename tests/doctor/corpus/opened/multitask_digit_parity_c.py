import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.manual_seed(19)
d = load_digits()
images = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1) / 8 - 1
digit = torch.tensor(d.target)
parity = (digit % 2).float()
tr, te = train_test_split(torch.arange(len(digit)), test_size=0.3, random_state=19)


class MultiTaskNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 24, 3, padding=1), nn.BatchNorm2d(24), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten())
        self.digit_head = nn.Sequential(nn.Linear(96, 32), nn.ReLU(), nn.Linear(32, 10), nn.ReLU())
        self.parity_head = nn.Sequential(nn.Linear(96, 16), nn.ReLU(), nn.Linear(16, 1), nn.ReLU())

    def forward(self, x):
        features = self.trunk(x)
        return self.digit_head(features), self.parity_head(features).squeeze(-1)


net = MultiTaskNet()
optimizer = torch.optim.Adam([
    {"params": net.trunk.parameters(), "lr": 2e-3},
    {"params": net.digit_head.parameters()},
    {"params": net.parity_head.parameters()},
], lr=4e-3)

for epoch in range(1, 11):
    net.train()
    log = torch.zeros(2)
    batches = tr[torch.randperm(len(tr))].split(48)
    for b in batches:
        digit_logits, parity_logit = net(images[b])
        loss_digit = F.cross_entropy(digit_logits, digit[b])
        loss_parity = F.binary_cross_entropy_with_logits(parity_logit, parity[b])
        loss = loss_digit + 0.5 * loss_parity
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        log += torch.stack([loss_digit, loss_parity]).detach()
    log /= len(batches)
    net.eval()
    with torch.no_grad():
        digit_logits, parity_logit = net(images[te])
        digit_acc = (digit_logits.argmax(1) == digit[te]).float().mean().item()
        parity_acc = ((parity_logit > 0).float() == parity[te]).float().mean().item()
    print(f"epoch {epoch} digit loss {log[0]:.4f} parity loss {log[1]:.4f} "
          f"parity acc {parity_acc:.4f} mean acc {(digit_acc + parity_acc) / 2:.4f}")
