"""After the "mnist_forward_forward" example of pytorch/examples: layers that learn one by one (Hinton, 2022)."""
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.optim import Adam

torch.manual_seed(1)
bunch = load_digits()
order = torch.randperm(len(bunch.target))
x = torch.tensor(bunch.data, dtype=torch.float32)[order] / 16
y = torch.tensor(bunch.target)[order]
x_train, y_train, x_test, y_test = x[:1300], y[:1300], x[1300:], y[1300:]
THRESHOLD, ROUNDS = 2.0, 400


def with_label(x, y):
    label = torch.zeros(len(x), 10)
    label[torch.arange(len(x)), y] = 3.0
    return torch.cat([label, x], dim=1)


class Layer(nn.Linear):
    def __init__(self, n_in, n_out):
        super().__init__(n_in, n_out)
        self.optimizer = Adam(self.parameters(), lr=0.1)

    def forward(self, x):
        return torch.relu(super().forward(x / (x.norm(dim=1, keepdim=True) + 1e-4)))

    def learn(self, positive, negative):
        for turn in range(ROUNDS):
            good = self(positive).pow(2).mean(1)
            bad = self(negative).pow(2).mean(1)
            loss = nn.functional.softplus(torch.cat([THRESHOLD - good, bad - THRESHOLD])).mean()
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            if turn % 40 == 0:
                print(f"   turn {turn} loss {loss.item():.4f}")
        return self(positive).detach(), self(negative).detach()


layers = [Layer(74, 100), Layer(100, 100)]


@torch.no_grad()
def predict(x):
    scores = []
    for label in range(10):
        h, goodness = with_label(x, torch.full((len(x),), label)), 0
        for layer in layers:
            h = layer(h)
            goodness = goodness + h.pow(2).mean(1)
        scores.append(goodness)
    return torch.stack(scores, dim=1).argmax(1)


positive = with_label(x_train, y_train)
negative = with_label(x_train, (y_train + torch.randint(1, 10, y_train.shape)) % 10)
for number, layer in enumerate(layers):
    print("layer", number)
    positive, negative = layer.learn(positive, negative)
print("train accuracy", (predict(x_train) == y_train).float().mean().item())
print("test accuracy", (predict(x_test) == y_test).float().mean().item())
