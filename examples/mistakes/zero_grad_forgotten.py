"""Mistake 3: "You forgot to .zero_grad() (in PyTorch) before .backward()."

`backward` adds to what stands in `.grad`. Without clearing, each step is made of the gradients of all batches so far,
most of them out of date, and grows with their number: the loss is thrown about, and may blow up.
`zero_grad_called.py` is the mend.
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

model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
loss_function = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

for epoch in range(1, 11):
    total = 0.0
    for batch in torch.randperm(len(x_train)).split(32):
        loss = loss_function(model(x_train[batch]), y_train[batch])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(batch)
    with torch.no_grad():
        accuracy = (model(x_val).argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch:2d}: training loss {total / len(x_train):.3f}, validation accuracy {accuracy:.3f}")
