import torch
import torch.nn.functional as F

torch.manual_seed(1)


class Dense:
    def __init__(self, inputs, outputs):
        self.weight = (torch.randn(outputs, inputs) / inputs**0.5).requires_grad_()
        self.bias = torch.zeros(outputs, requires_grad=True)

    def __call__(self, x):
        return F.linear(x, self.weight, self.bias)


class Stack:
    def __init__(self, *sizes):
        self.layers = [Dense(a, b) for a, b in zip(sizes, sizes[1:])]

    def __call__(self, x):
        for layer in self.layers[:-1]:
            x = torch.relu(layer(x))
        return self.layers[-1](x)

    def parameters(self):
        return [t for layer in self.layers for t in (layer.weight, layer.bias)]


points = torch.randn(900, 6)
labels = ((points[:, 0] > 0) ^ (points[:, 1] > 0)).long()
stack = Stack(6, 32, 32, 2)
optim = torch.optim.Adam(stack.parameters(), lr=1e-2)
for epoch in range(25):
    for rows in torch.randperm(700).split(50):
        loss = F.cross_entropy(stack(points[rows]), labels[rows])
        optim.zero_grad()
        loss.backward()
        optim.step()
right = stack(points[700:]).argmax(1) == labels[700:]
print("accuracy", right.float().mean().item())
