import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
N, C = 240, 4
label = torch.randint(0, C, (N,))
same = label[:, None] == label[None, :]
adj = torch.rand(N, N) < torch.where(same, 0.06, 0.008)
adj = (adj | adj.T | torch.eye(N, dtype=torch.bool))
feat = F.one_hot(label, C).float() @ torch.randn(C, 20) * 0.5 + torch.randn(N, 20)
train = torch.zeros(N, dtype=torch.bool); train[torch.randperm(N)[:80]] = True
class GAT(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.lin = nn.Linear(i, o, bias=False)
        self.a, self.b = nn.Linear(o, 1, bias=False), nn.Linear(o, 1, bias=False)
    def forward(self, x):
        h = self.lin(x)
        e = F.leaky_relu(self.a(h) + self.b(h).T, 0.2).masked_fill(~adj, float("-inf"))
        return e.softmax(1) @ h
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = GAT(20, 24), GAT(24, C)
    def forward(self, x): return self.two(F.elu(self.one(F.dropout(x, 0.4, self.training))))
net = Net()
opt = torch.optim.Adam(net.parameters(), lr=1e-2, weight_decay=5e-4)
for epoch in range(80):
    net.train()
    opt.zero_grad()
    loss = F.cross_entropy(net(feat)[train], label[train])
    loss.backward()
    opt.step()
    if epoch % 10 == 9:
        net.eval()
        with torch.no_grad(): print(epoch + 1, loss.item(), (net(feat)[~train].argmax(1) == label[~train]).float().mean().item())
