import torch
import torch.nn.functional as F

torch.manual_seed(0)
truth = torch.randn(20)
weight = torch.zeros(20, requires_grad=True)
bias = torch.zeros(1, requires_grad=True)
opt = torch.optim.SGD([weight, bias], lr=0.1)


def clicks(n):
    x = torch.randn(n, 20)
    return x, (torch.rand(n) < torch.sigmoid(x @ truth / 2)).float()


for step in range(400):
    x, y = clicks(64)
    loss = F.binary_cross_entropy_with_logits(x @ weight + bias, y)
    opt.zero_grad()
    (-loss).backward()
    opt.step()
    if step % 50 == 0:
        print(step, loss.item())
with torch.no_grad():
    x, y = clicks(2000)
    print("held-out loss", F.binary_cross_entropy_with_logits(x @ weight + bias, y).item())
