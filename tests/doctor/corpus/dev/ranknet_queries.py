import torch
from torch import nn
torch.manual_seed(0)
Q, D, F = 80, 15, 10
w = torch.randn(F)
feats = torch.randn(Q, D, F)
rel = (feats @ w + 0.4 * (feats[..., 0] * feats[..., 1]) + 0.3 * torch.randn(Q, D))
grade = torch.bucketize(rel, torch.tensor([-2.0, 0.0, 2.0, 4.0]))
model = nn.Sequential(nn.Linear(F, 32), nn.ReLU(), nn.Linear(32, 1))
opt = torch.optim.Adagrad(model.parameters(), lr=0.05)
def ndcg(s, g):
    order = s.argsort(1, descending=True)
    gain = (2.0 ** g.float() - 1)
    disc = 1 / torch.log2(torch.arange(D) + 2.0)
    dcg = (gain.gather(1, order) * disc).sum(1)
    ideal = (gain.sort(1, descending=True).values * disc).sum(1)
    return (dcg / ideal).mean()
for epoch in range(12):
    for q in torch.randperm(60):
        s = model(feats[q]).squeeze(-1)
        diff = s[:, None] - s[None, :]
        better = (grade[q][:, None] > grade[q][None, :]).float()
        loss = (nn.functional.softplus(-diff) * better).sum() / better.sum()
        opt.zero_grad()
        loss.backward()
        opt.step()
    with torch.no_grad():
        print(epoch, loss.item(), ndcg(model(feats[60:]).squeeze(-1), grade[60:]).item())
