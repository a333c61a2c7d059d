import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
bunch = load_digits()
x, digit = torch.tensor(bunch.data).float() / 16 - 0.3, torch.tensor(bunch.target)
mix = torch.randperm(len(x))
x, digit = x[mix], digit[mix]
loop = torch.isin(digit, torch.tensor([0, 6, 8, 9])).long()  # does the figure have a closed loop?


class Net(nn.Module):
    def __init__(self, n_out):
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 12), nn.ReLU())
        self.fc = nn.Linear(12, n_out)

    def forward(self, x):
        return self.fc(self.backbone(x))


def run(net, x, y, epochs, lr):
    params = [p for p in net.parameters() if p.requires_grad]
    opt = torch.optim.Adam(params, lr=lr)
    for _ in range(epochs):
        for i in torch.randperm(len(x)).split(64):
            loss = nn.functional.cross_entropy(net(x[i]), y[i])
            opt.zero_grad()
            loss.backward()
            opt.step()
    return loss.item()


# stage one: all layers learn to read digits
net = Net(10)
print("pretraining loss", run(net, x[:1200], digit[:1200], epochs=15, lr=3e-3))

# stage two: a new head for the loops, the backbone stays as it is
for p in net.backbone.parameters():
    p.requires_grad = False
net.fc = nn.Linear(12, 2)
print("fine-tuning loss", run(net, x[:1400], loop[:1400], epochs=15, lr=1e-2))
with torch.no_grad():
    print("accuracy on loops", (net(x[1400:]).argmax(1) == loop[1400:]).float().mean().item())
