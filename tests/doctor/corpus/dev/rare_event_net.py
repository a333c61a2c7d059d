import torch
from torch import nn


class RareEvents:
    def __init__(self, seed=0, n=4000, share=0.02):
        g = torch.Generator().manual_seed(seed)
        self.y = (torch.rand(n, generator=g) < share).float()
        self.x = torch.randn(n, 16, generator=g)
        self.x[:, :4] += 0.8 * self.y[:, None]


class Experiment:
    def __init__(self, train, test):
        self.train, self.test = train, test
        self.model = nn.Sequential(nn.Linear(16, 24), nn.Tanh(), nn.Linear(24, 1))
        ratio = (train.y == 0).sum() / (train.y == 1).sum()
        self.loss = nn.BCEWithLogitsLoss(pos_weight=ratio)
        self.opt = torch.optim.SGD(self.model.parameters(), lr=0.02, momentum=0.9)

    def epoch(self):
        for i in torch.randperm(len(self.train.x)).split(100):
            self.opt.zero_grad()
            value = self.loss(self.model(self.train.x[i])[:, 0], self.train.y[i])
            value.backward()
            self.opt.step()
        return value.item()

    @torch.no_grad()
    def balanced(self):
        hit = (self.model(self.test.x)[:, 0] > 0).float()
        recall = hit[self.test.y == 1].mean()
        rejected = 1 - hit[self.test.y == 0].mean()
        return ((recall + rejected) / 2).item()


torch.manual_seed(1)
experiment = Experiment(RareEvents(0), RareEvents(1))
for e in range(6):
    print("epoch", e, "loss", experiment.epoch())
print("balanced accuracy", experiment.balanced())
