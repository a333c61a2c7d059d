import torch

torch.manual_seed(0)
centres = torch.randn(4, 10) * 2
n_steps = 3
model = torch.nn.Linear(10, 4)
opt = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(n_steps):
    y = torch.randint(0, 4, (32,))
    x = (centres[y] + torch.randn(32, 10)) / 2
    loss = torch.nn.functional.cross_entropy(model(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 16 == 0:
        print(step, loss.item())
y = torch.randint(0, 4, (500,))
x = (centres[y] + torch.randn(500, 10)) / 2
print("accuracy", (model(x).argmax(1) == y).float().mean().item())
