"""Implicit feedback: Bayesian personalised ranking of songs, AUC on held-out plays."""
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(46)
U, S, K = 250, 180, 4
taste, style = torch.randn(U, K), torch.randn(S, K)
popular = 0.7 * torch.randn(S)
affinity = taste @ style.T + popular
played = torch.rand(U, S) < torch.sigmoid(1.5 * affinity - 2.5)
u, s = played.nonzero(as_tuple=True)
is_test = torch.rand(len(u)) < 0.2
train_u, train_s, test_u, test_s = u[~is_test], s[~is_test], u[is_test], s[is_test]
print(len(train_u), "plays to train on,", len(test_u), "held out")


class BPR(nn.Module):
    def __init__(self, dim=6):
        super().__init__()
        self.p = nn.Embedding(U, dim)
        self.q = nn.Embedding(S, dim)
        self.b = nn.Parameter(torch.zeros(S))
        nn.init.zeros_(self.p.weight)
        nn.init.zeros_(self.q.weight)

    def forward(self, users, songs):
        return (self.p(users) * self.q(songs)).sum(-1) + self.b[songs]


unknown = ~played


def sample_negative(users):
    return torch.multinomial(unknown[users].float() + 1e-9, 1).squeeze(1)


model = BPR()
optimizer = torch.optim.AdamW(model.parameters(), lr=0.02, weight_decay=0.05)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 15)
test_neg, fit_neg = sample_negative(test_u), sample_negative(train_u)
for epoch in range(15):
    total, n = 0.0, 0
    for i in torch.randperm(len(train_u)).split(256):
        users, pos = train_u[i], train_s[i]
        neg = sample_negative(users)
        loss = -F.logsigmoid(model(users, pos) - model(users, neg)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(i)
        n += len(i)
    scheduler.step()
    with torch.no_grad():
        auc = (model(test_u, test_s) > model(test_u, test_neg)).float().mean().item()
        val = -F.logsigmoid(model(test_u, test_s) - model(test_u, test_neg)).mean().item()
    if epoch % 2 == 0:
        print("epoch %2d loss %.4f held out %.4f AUC %.4f" % (epoch, total / n, val, auc))
print("AUC %.4f" % auc)
