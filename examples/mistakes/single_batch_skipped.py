"""Mistake 1: "You didn't try to overfit a single batch first."

A net of nine layers with sigmoids is trained on all the data at once. It hardly learns, and nothing tells why: too
little training, too hard a task, a wrong rate? `single_batch_first.py` asks a question that can be answered in a
second: can this net learn even 16 pictures by heart?
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


def build(activation: type[nn.Module]) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Linear(64, 48), activation()]
    for _ in range(7):
        layers += [nn.Linear(48, 48), activation()]
    return nn.Sequential(*layers, nn.Linear(48, 10))


model = build(nn.Sigmoid)
loss_function = nn.CrossEntropyLoss()
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
