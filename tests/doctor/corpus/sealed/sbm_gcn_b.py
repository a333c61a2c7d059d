"""Node classification with a two-layer GCN, adjacency kept dense; graph from a stochastic block model."""
import torch
import torch.nn as nn
import torch.nn.functional as F


def make_graph(n=900, classes=5, p_in=0.03, p_out=0.004, dim=20, seed=0):
    g = torch.Generator().manual_seed(seed)
    y = torch.randint(classes, (n,), generator=g)
    prob = torch.where(y[:, None] == y[None, :], p_in, p_out)
    upper = torch.triu((torch.rand(n, n, generator=g) < prob).float(), 1)
    adj = upper + upper.T
    centres = torch.randn(classes, dim, generator=g)
    x = 0.5 * centres[y] + torch.randn(n, dim, generator=g)
    split = torch.rand(n, generator=g)
    return x, adj, y, split < 0.4, (split >= 0.4) & (split < 0.7), split >= 0.7


def normalise(adj):
    adj = adj + torch.eye(len(adj))
    d = adj.sum(1).pow(-0.5)
    return d[:, None] * adj * d[None, :]


class GCN(nn.Module):
    def __init__(self, dim, hidden, classes, dropout=0.5):
        super().__init__()
        self.lin1 = nn.Linear(dim, hidden)
        self.lin2 = nn.Linear(hidden, classes)
        self.dropout = dropout

    def forward(self, x, a):
        x = F.dropout(x, self.dropout, training=self.training)
        h = F.relu(a @ self.lin1(x))
        h = F.dropout(h, self.dropout, training=self.training)
        return a @ self.lin2(h)


def main():
    torch.manual_seed(0)
    x, adj, y, train, val, test = make_graph()
    a = normalise(adj)
    model = GCN(x.size(1), 32, 5)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=5e-3)
    for epoch in range(1, 121):
        model.train()
        optimizer.zero_grad()
        out = model(x, a)
        loss = F.cross_entropy(out, y)
        loss.backward()
        optimizer.step()
        if epoch % 10 == 0:
            model.eval()
            with torch.no_grad():
                out = model(x, a)
                tl = F.cross_entropy(out[train], y[train])
                vl = F.cross_entropy(out[val], y[val])
                acc = (out[val].argmax(1) == y[val]).float().mean()
            print(f'Epoch: {epoch:03d}, Train: {tl:.4f}, Val: {vl:.4f}, Val Acc: {acc:.4f}')
    model.eval()
    with torch.no_grad():
        pred = model(x, a).argmax(1)
    print(f'Test Acc: {(pred[test] == y[test]).float().mean():.4f}')


if __name__ == '__main__':
    main()
