# own layer classes, watching the update to data ratio on the way
import gzip
import numpy as np
import torch
import torch.nn.functional as F

g = torch.Generator().manual_seed(2147)
path = "/usr/share/datasets/fashion-mnist/train-%s-ubyte.gz"
N = 4000
X = torch.tensor(np.frombuffer(gzip.open(path % "images-idx3").read(16 + 784 * N), np.uint8, offset=16).reshape(N, 28, 28) / 255.0).float()
X = F.avg_pool2d(X[:, None], 2).flatten(1)
X = (X - X.mean()) / X.std()
Y = torch.tensor(np.frombuffer(gzip.open(path % "labels-idx1").read(8 + N), np.uint8, offset=8).astype(np.int64))
Xtr, Ytr, Xdev, Ydev = X[:3200], Y[:3200], X[3200:], Y[3200:]


class Linear:
    def __init__(self, fan_in, fan_out, gain=1.0):
        self.weight = torch.randn((fan_in, fan_out), generator=g) * gain / fan_in ** 0.5
        self.bias = torch.zeros(fan_out)

    def __call__(self, x):
        self.out = x @ self.weight + self.bias
        return self.out

    def parameters(self):
        return [self.weight, self.bias]


class Tanh:
    def __call__(self, x):
        self.out = torch.tanh(x)
        return self.out

    def parameters(self):
        return []


n_hidden = 80
layers = [Linear(196, n_hidden, 196 ** 0.5), Tanh()]
for _ in range(3):
    layers += [Linear(n_hidden, n_hidden, n_hidden ** 0.5), Tanh()]
layers += [Linear(n_hidden, 10, 0.1)]

parameters = [p for layer in layers for p in layer.parameters()]
for p in parameters:
    p.requires_grad = True
print(sum(p.nelement() for p in parameters), "parameters")


def forward(x):
    for layer in layers:
        x = layer(x)
    return x


max_steps = 1500
lossi, ud = [], []
for i in range(max_steps):
    ix = torch.randint(0, len(Xtr), (32,), generator=g)
    loss = F.cross_entropy(forward(Xtr[ix]), Ytr[ix])
    for p in parameters:
        p.grad = None
    loss.backward()
    lr = 0.05 if i < 1000 else 0.01
    with torch.no_grad():
        for p in parameters:
            p -= lr * p.grad
        ud.append([(lr * p.grad.std() / p.std()).log10().item() for p in parameters if p.ndim == 2])
    lossi.append(loss.item())
    if i % 150 == 149:
        with torch.no_grad():
            out = forward(Xdev)
        print(f"{i + 1:5d}/{max_steps} train {np.mean(lossi[-150:]):.4f} dev {F.cross_entropy(out, Ydev).item():.4f} "
              f"ratio {np.mean(ud[-150:]):.2f} acc {(out.argmax(1) == Ydev).float().mean().item():.4f}")
