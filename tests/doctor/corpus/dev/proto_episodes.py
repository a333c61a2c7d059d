"""Prototypical network: each episode has its own classes; validated on classes that were never trained on."""
import torch
from torch import nn

torch.manual_seed(3)
W = torch.randn(16, 48) / 4
means = torch.randn(60, 16)
def draw(classes, n):
    z = means[classes][:, None] + 0.7 * torch.randn(len(classes), n, 16)
    return torch.relu(z @ W)
net = nn.Sequential(nn.Linear(48, 64), nn.ReLU(), nn.Linear(64, 16))
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
way, shot, query = 5, 3, 5
def episode(pool):
    cl = pool[torch.randperm(len(pool))[:way]]
    x = draw(cl, shot + query)
    z = net(x.flatten(0, 1)).view(way, shot + query, -1)
    proto, q = z[:, :shot].mean(1), z[:, shot:].reshape(way * query, -1)
    logits = -torch.cdist(q, proto).pow(2)
    target = torch.arange(way).repeat_interleave(query)
    return nn.functional.cross_entropy(logits, target), (logits.argmax(1) == target).float().mean()
train_classes, test_classes = torch.arange(45), torch.arange(45, 60)
for ep in range(300):
    loss, acc = episode(train_classes)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if ep % 60 == 59:
        net.eval()
        with torch.no_grad():
            held = torch.stack([episode(test_classes)[1] for _ in range(40)]).mean()
        net.train()
        print(ep + 1, loss.item(), held.item())
