"""After the "time_sequence_prediction" example of pytorch/examples: two LSTM cells continue sine waves."""
import numpy as np
import torch
from torch import nn, optim

np.random.seed(2)
torch.manual_seed(0)

PERIOD, LENGTH, WAVES, WIDTH = 12, 80, 30, 20
phases = np.random.randint(-4 * PERIOD, 4 * PERIOD, (WAVES, 1))
waves = torch.from_numpy(np.sin((np.arange(LENGTH) + phases) / PERIOD))
train_in, train_out = waves[3:, :-1], waves[3:, 1:]
test_in, test_out = waves[:3, :-1], waves[:3, 1:]


class Continuer(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.LSTMCell(1, WIDTH)
        self.second = nn.LSTMCell(WIDTH, WIDTH)
        self.readout = nn.Linear(WIDTH, 1)

    def forward(self, signal, future=0):
        zeros = signal.new_zeros(len(signal), WIDTH)
        h1, c1, h2, c2 = zeros, zeros, zeros, zeros
        outputs = []
        for step in range(signal.size(1) + future):
            value = signal[:, step:step + 1] if step < signal.size(1) else outputs[-1]
            h1, c1 = self.first(value, (h1, c1))
            h2, c2 = self.second(h1, (h2, c2))
            outputs.append(self.readout(h2))
        return torch.cat(outputs, dim=1)


model = Continuer().double()
criterion = nn.MSELoss()
optimizer = optim.LBFGS(model.parameters(), lr=0.8, max_iter=10)

for step in range(9):

    def closure():
        optimizer.zero_grad()
        loss = criterion(model(train_in), train_out)
        loss.backward()
        return loss

    first_loss = optimizer.step(closure)
    with torch.no_grad():
        ahead = model(test_in, future=40)
        test_loss = criterion(ahead[:, :-40], test_out)
    print(f"step {step} train loss {first_loss.item():.6f} largest value ahead {ahead.abs().max().item():.2f} "
          f"test loss {test_loss.item():.6f}")
