import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
N, C = 150, 3
label = torch.arange(N) % C
same = label[:, None] == label[None]
edge = (torch.rand(N, N) < torch.where(same, 0.12, 0.01)).float().triu(1)
adj = edge + edge.T + torch.eye(N)
deg = adj.sum(1).rsqrt()
adj = deg[:, None] * adj * deg[None]
feat = torch.randn(N, 8) + 0.5 * F.one_hot(label, 8)
train_mask = torch.zeros(N, dtype=torch.bool)
train_mask[torch.randperm(N)[:60]] = True


class GCN(nn.Module):
    def __init__(self, hidden=16):
        super().__init__()
        self.w1, self.w2 = nn.Linear(8, hidden), nn.Linear(hidden, C)

    def forward(self, a, x):
        # all nodes see their neighbours: samples are not independent, by design
        x = F.dropout(F.relu(a @ self.w1(x)), 0.3, self.training)
        return a @ self.w2(x)


net = GCN()
opt = torch.optim.Adam(net.parameters(), lr=0.01, weight_decay=5e-3)
for epoch in range(100):
    net.train()
    opt.zero_grad()
    loss = F.cross_entropy(net(adj, feat)[train_mask], label[train_mask])
    loss.backward()
    opt.step()
    if epoch % 20 == 19:
        net.eval()
        with torch.no_grad():
            right = net(adj, feat).argmax(1) == label
        print(epoch + 1, loss.item(), "unseen", right[~train_mask].float().mean().item())
