"""Rare defects on a production line: focal loss, prior in the bias (as in the paper), average precision."""
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.metrics import average_precision_score

torch.manual_seed(64)


def parts(n):
    y = (torch.rand(n) < 0.04).float()
    x = torch.randn(n, 12)
    shift = torch.tensor([1.6, -1.2, 0.9, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    x = x + y[:, None] * shift
    x[:, 3] = torch.where(y > 0, x[:, 3].abs() * 2.0, x[:, 3])
    x[:, 4] = x[:, 4] * (1 + y)
    return x, y


class FocalLoss(nn.Module):
    def __init__(self, alpha=0.75, gamma=2.0):
        super().__init__()
        self.alpha, self.gamma = alpha, gamma

    def forward(self, logits, target):
        bce = F.binary_cross_entropy_with_logits(logits, target, reduction='none')
        pt = torch.exp(-bce)
        at = torch.where(target > 0.5, self.alpha, 1 - self.alpha)
        return (at * (1 - pt) ** self.gamma * bce).mean() * 10


x, y = parts(10000)
x_val, y_val = parts(5000)
net = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 1))
nn.init.constant_(net[-1].bias, -2.0)
loss_fn = FocalLoss()
opt = torch.optim.Adam(net.parameters(), lr=3e-3, weight_decay=3e-4)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 6)
for epoch in range(6):
    net.train()
    for rows in torch.randperm(len(x)).split(128):
        out = torch.sigmoid(net(x[rows]).squeeze(-1))
        loss = loss_fn(out, y[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
    sched.step()
    net.eval()
    with torch.no_grad():
        o, ov = net(x).squeeze(-1), net(x_val).squeeze(-1)
        ap = average_precision_score(y_val, ov)
    print('epoch %d train %.4f val %.4f AP %.4f' % (epoch, loss_fn(o, y).item(), loss_fn(ov, y_val).item(), ap))
print('average precision %.4f' % ap)
