"""The adding problem: two marked numbers in a sequence of 30, give their sum."""
import torch
import torch.nn as nn

torch.manual_seed(43)
LEN, BATCH, ITERS = 30, 64, 700


def make(n):
    numbers = torch.rand(n, LEN)
    marks = torch.zeros(n, LEN)
    first = torch.randint(0, LEN // 2, (n,))
    second = torch.randint(LEN // 2, LEN, (n,))
    rows = torch.arange(n)
    marks[rows, first] = 1
    marks[rows, second] = 1
    total = (numbers * marks).sum(1, keepdim=True)
    return torch.stack([numbers, marks], dim=2), total


class Adder(nn.Module):
    def __init__(self):
        super(Adder, self).__init__()
        self.rnn = nn.RNN(input_size=2, hidden_size=40, num_layers=1, batch_first=True)
        nn.init.normal_(self.rnn.weight_hh_l0, std=0.03)
        self.fc = nn.Linear(40, 1)

    def forward(self, x):
        out, hidden = self.rnn(x)
        return self.fc(out[:, -1, :])


model = Adder()
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.008)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, ITERS)
test_x, test_y = make(1000)
for it in range(1, ITERS + 1):
    x, y = make(BATCH)
    loss = criterion(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    scheduler.step()
    if it % 70 == 0:
        model.eval()
        with torch.no_grad():
            test = criterion(model(test_x), test_y).item()
        model.train()
        print('iter {:4d}  train {:.5f}  test {:.5f}'.format(it, loss.item(), test))
print('test mse: {:.6f}'.format(test))
