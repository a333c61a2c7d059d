import torch
import torch.nn as nn

torch.manual_seed(21)


def make_batch(n, length):
    values = torch.rand(n, length)
    marks = torch.zeros(n, length)
    half = length // 2
    first = torch.randint(0, half, (n,))
    second = torch.randint(half, length, (n,))
    rows = torch.arange(n)
    marks[rows, first] = 1
    marks[rows, second] = 1
    target = values[rows, first] + values[rows, second]
    return torch.stack([values, marks], dim=2), target


SEQ_LEN = 24


class AddingRNN(nn.Module):
    def __init__(self, hidden=48):
        super().__init__()
        self.hidden = hidden
        self.i2h = nn.Linear(2, hidden)
        self.h2h = nn.Linear(hidden, hidden)
        self.readout = nn.Linear(hidden, 1)
        nn.init.normal_(self.i2h.weight, std=0.1)
        nn.init.zeros_(self.i2h.bias)
        nn.init.eye_(self.h2h.weight)
        nn.init.zeros_(self.h2h.bias)

    def forward(self, x):
        h = x.new_zeros(x.size(0), self.hidden)
        for t in range(x.size(1)):
            h = torch.relu(self.i2h(x[:, t]) + self.h2h(h))
        return self.readout(h).squeeze(1)


model = AddingRNN()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
criterion = nn.MSELoss()
test_x, test_y = make_batch(1000, SEQ_LEN)
print("variance of the target", test_y.var().item())

running = 0.0
for step in range(1, 91):
    x, y = make_batch(64, SEQ_LEN)
    loss = criterion(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    running += loss.item()
    if step % 9 == 0:
        with torch.no_grad():
            test_loss = criterion(model(test_x), test_y).item()
        print(f"step {step:4d}  train {running / 9:.4f}  test {test_loss:.4f}")
        running = 0.0
