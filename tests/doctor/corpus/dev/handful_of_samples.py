import torch
torch.manual_seed(0)
X = torch.tensor([[0., 0.], [0., 1.], [1., 0.], [1., 1.]])
y = torch.tensor([[0.], [1.], [1.], [0.]])
net = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1), torch.nn.Sigmoid())
opt = torch.optim.Adam(net.parameters(), lr=0.05)
crit = torch.nn.BCELoss()
for i in range(200):
    opt.zero_grad()
    loss = crit(net(X), y)
    loss.backward()
    opt.step()
print(net(X).detach().round().flatten().tolist())
print(loss.item())
