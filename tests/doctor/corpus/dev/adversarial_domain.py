import torch
from torch import nn
from torch.autograd import Function


class Reverse(Function):
    @staticmethod
    def forward(ctx, x, weight):
        ctx.weight = weight
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad_output):
        return -ctx.weight * grad_output, None


torch.manual_seed(0)


def domain(n, shift):
    y = torch.randint(0, 2, (n,))
    x = torch.randn(n, 10)
    x[:, 0] += 3.0 * y - 1.5
    x[:, 1] += shift
    return x, y


xs, ys = domain(600, 0.0)
xt, yt = domain(600, 1.5)
features = nn.Sequential(nn.Linear(10, 32), nn.ReLU())
classifier = nn.Linear(32, 2)
critic = nn.Sequential(nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 2))
parameters = [p for m in (features, classifier, critic) for p in m.parameters()]
optimizer = torch.optim.Adam(parameters, lr=2e-3)
ce = nn.CrossEntropyLoss()
for epoch in range(12):
    for i, j in zip(torch.randperm(600).split(50), torch.randperm(600).split(50)):
        hs, ht = features(xs[i]), features(xt[j])
        task = ce(classifier(hs), ys[i])
        where = torch.cat([torch.zeros(50), torch.ones(50)]).long()
        confusion = ce(critic(Reverse.apply(torch.cat([hs, ht]), 0.3)), where)
        optimizer.zero_grad()
        (task + confusion).backward()
        optimizer.step()
    print(f"{epoch}: task {task.item():.3f} domain {confusion.item():.3f}")
with torch.no_grad():
    print("target accuracy", (classifier(features(xt)).argmax(1) == yt).float().mean().item())
