import torch

gen = torch.Generator().manual_seed(11)
inputs = torch.rand(600, 4, generator=gen) * 2 - 1
goal = torch.sin(3 * inputs[:, :1]) * inputs[:, 1:2] + 0.5 * inputs[:, 2:3]
params = {
    "hidden.w": torch.randn(4, 32, generator=gen),
    "hidden.b": torch.zeros(32),
    "out.w": torch.randn(32, 1, generator=gen) * 0.2,
    "out.b": torch.zeros(1),
}
for value in params.values():
    value.requires_grad_(True)


def predict(x):
    hidden = torch.tanh(x @ params["hidden.w"] + params["hidden.b"])
    return hidden @ params["out.w"] + params["out.b"]


rate = 0.1
for t in range(1500):
    rows = torch.randint(0, 500, (50,), generator=gen)
    error = (predict(inputs[rows]) - goal[rows]).pow(2).mean()
    error.backward()
    with torch.no_grad():
        for value in params.values():
            if value.grad is not None:
                value -= rate * value.grad
                value.grad = None
print("held-out error", (predict(inputs[500:]) - goal[500:]).pow(2).mean().item())
