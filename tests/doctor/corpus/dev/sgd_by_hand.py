import torch
torch.manual_seed(7)
n = 800
x = torch.randn(n, 5)
true = torch.tensor([1.5, -2.0, 0.7, 0.0, 3.0])
y = (x @ true + 0.3 * torch.randn(n)).unsqueeze(1)
w1 = (torch.randn(5, 16) * 0.4).requires_grad_()
b1 = torch.zeros(16, requires_grad=True)
w2 = (torch.randn(16, 1) * 0.25).requires_grad_()
b2 = torch.zeros(1, requires_grad=True)
vel = [torch.zeros_like(p) for p in (w1, b1, w2, b2)]
for epoch in range(15):
    for i in range(0, 640, 32):
        xb, yb = x[i:i + 32], y[i:i + 32]
        loss = ((torch.tanh(xb @ w1 + b1) @ w2 + b2 - yb) ** 2).mean()
        grads = torch.autograd.grad(loss, [w1, b1, w2, b2])
        with torch.no_grad():
            for p, v, g in zip((w1, b1, w2, b2), vel, grads):
                v.mul_(0.9).add_(g)
                p -= 0.02 * v
    with torch.no_grad():
        held = ((torch.tanh(x[640:] @ w1 + b1) @ w2 + b2 - y[640:]) ** 2).mean()
    print(f"{epoch} {loss.item():.4f} {held.item():.4f}")
