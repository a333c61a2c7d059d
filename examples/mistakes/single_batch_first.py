"""The mend of mistake 1: overfit a single batch first, and train on everything only with a net that can.

Sixteen pictures, three hundred steps, one question: does the loss go to 0? With sigmoids it is still 1.57 (guessing is
ln 10 = 2.30), with 16 pictures as with all of them: it is the net that cannot be trained like this, not the data. With
ReLUs it is 0.001, and the long training is worth its time. `goodfit run` asks the same question as its second step.
"""

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

torch.manual_seed(0)
images, labels = load_digits(return_X_y=True)
x_train, x_val, y_train, y_val = train_test_split(
    torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels), test_size=0.3, random_state=0
)
loss_function = nn.CrossEntropyLoss()


def build(activation: type[nn.Module]) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Linear(64, 48), activation()]
    for _ in range(7):
        layers += [nn.Linear(48, 48), activation()]
    return nn.Sequential(*layers, nn.Linear(48, 10))


def loss_on_one_batch(model: nn.Module, steps: int = 300) -> float:
    """The loss on 16 pictures after training on them alone; a net and a loop in order bring it close to 0."""
    x, y = x_train[:16], y_train[:16]
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = loss_function(model(x), y)
        loss.backward()
        optimizer.step()
    return loss_function(model(x), y).item()


for activation in (nn.Sigmoid, nn.ReLU):
    print(f"{activation.__name__}: loss on one batch {loss_on_one_batch(build(activation)):.4f}")

model = build(nn.ReLU)
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

for epoch in range(1, 16):
    total = 0.0
    for batch in torch.randperm(len(x_train)).split(32):
        optimizer.zero_grad()
        loss = loss_function(model(x_train[batch]), y_train[batch])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(batch)
    with torch.no_grad():
        accuracy = (model(x_val).argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch:2d}: training loss {total / len(x_train):.3f}, validation accuracy {accuracy:.3f}")
