import torch
from torch import nn
torch.manual_seed(1)
x_train = torch.rand(200, 1) * 4 - 2
y_train = torch.sin(3 * x_train) + 0.1 * torch.randn_like(x_train)
net = nn.Sequential(nn.Linear(1, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1))
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
for epoch in range(60):
    for i in torch.randperm(200).split(25):
        loss = ((net(x_train[i]) - y_train[i]) ** 2).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
x_test = torch.linspace(-5, 5, 101).unsqueeze(1)
with torch.no_grad():
    y_test = net(x_test)
    inside = x_test.abs() < 2
    truth = torch.sin(3 * x_test)
print("far outside it answers", [round(v, 2) for v in y_test.flatten()[::20].tolist()])
print("rmse inside", ((y_test - truth)[inside] ** 2).mean().sqrt().item())
