"""After the "regression" example of pytorch/examples: a polynomial found by gradient steps written out."""
import torch
import torch.nn.functional as F

torch.manual_seed(12)
DEGREE = 4
true_weight, true_bias = 5 * torch.randn(DEGREE, 1), 5 * torch.randn(1)


def batch(n=32):
    x = torch.randn(n, 1)
    powers = torch.cat([x ** k for k in range(1, DEGREE + 1)], dim=1)
    return powers, powers @ true_weight + true_bias


def written(weight, bias):
    return " ".join(f"{w:+.2f} x^{k + 1}" for k, w in enumerate(weight.flatten().tolist())) + f" {bias.item():+.2f}"


model = torch.nn.Linear(DEGREE, 1)
rate = 0.1
check_x, check_y = batch(500)
for number in range(1, 4001):
    x, y = batch()
    model.zero_grad()
    loss = F.smooth_l1_loss(model(x), y)
    loss.backward()
    for parameter in model.parameters():
        parameter.data.add_(parameter.grad, alpha=-rate)
    if number % 200 == 0:
        with torch.no_grad():
            print(f"batch {number} loss {loss.item():.5f} check {F.smooth_l1_loss(model(check_x), check_y).item():.5f}")
        rate = max(0.9 * rate, 0.01)
    if loss.item() < 1e-3:
        break

print("learned", written(model.weight, model.bias))
print("actual ", written(true_weight, true_bias))
print(f"after {number} batches, loss {loss.item():.6f}")
