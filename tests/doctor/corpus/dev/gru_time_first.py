import torch
from torch import nn

torch.manual_seed(14)
T, N = 20, 800
g = torch.Generator().manual_seed(4)
steps = torch.randn(T, N, 2, generator=g)
label = (steps[..., 0].cumsum(0).amax(0) > 4.0).long()


class Watcher(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(2, 24)
        self.fc = nn.Linear(24, 2)

    def forward(self, s):
        out, last = self.gru(s)
        return self.fc(last[-1])


model = Watcher()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for epoch in range(12):
    for cols in torch.randperm(600).split(20):
        loss = nn.functional.cross_entropy(model(steps[:, cols]), label[cols])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        acc = (model(steps[:, 600:]).argmax(1) == label[600:]).float().mean().item()
    print(epoch, acc)
