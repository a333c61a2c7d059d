import torch

torch.manual_seed(50)
x = torch.randn(48, 5)
y = (x @ torch.tensor([1.0, -1.0, 0.5, 0.0, 0.0]) > 0).long()
fit, check = slice(0, 36), slice(36, 48)
net = torch.nn.Linear(5, 2)
opt = torch.optim.SGD(net.parameters(), lr=0.5)
for i in range(40):
    opt.zero_grad()
    loss = torch.nn.functional.cross_entropy(net(x[fit]), y[fit])
    loss.backward()
    opt.step()
    with torch.no_grad():
        right = (net(x[check]).argmax(1) == y[check]).float().mean().item()
print("loss", loss.item(), "right", right)
