import torch
import torch.nn as nn
from sklearn.datasets import make_friedman1
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(76)
arr, cls = make_friedman1(1200, 8, noise=0.5, random_state=76)
arr, cls = arr.astype('float32'), cls.astype('float32')
order = torch.randperm(len(arr)).numpy()
arr, cls = arr[order], cls[order]
Xa, Xb = arr[:900], arr[900:]
ya, yb_ = cls[:900], cls[900:]
mean, std = Xa.mean(0), Xa.std(0) + 1e-6
Xa, Xb = (Xa - mean) / std, (Xb - mean) / std
centre, unit = ya.mean(), ya.std()
ya, yb_ = (ya - centre) / unit, (yb_ - centre) / unit
Xa, Xb = torch.tensor(Xa), torch.tensor(Xb)
ya, yb_ = torch.tensor(ya), torch.tensor(yb_)
ya, yb_ = ya[:, None], yb_[:, None]
loader = DataLoader(TensorDataset(Xa, ya), batch_size=50, shuffle=True)


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(8, 48)
        self.fc2 = nn.Linear(48, 48)
        self.act = nn.ELU()
        self.out = nn.Linear(48, 1)

    def forward(self, x):
        x = self.act(self.fc1(x))
        x = self.act(self.fc2(x))
        return self.out(x)


network = MLP()

lossf = nn.MSELoss()
updater = torch.optim.RMSprop(network.parameters(), lr=0.002)
schedule = torch.optim.lr_scheduler.StepLR(updater, step_size=16, gamma=0.3)


def train():
    network.train()
    for batch_x, batch_y in loader:
        logits = network(batch_x)
        batch_loss = lossf(logits, batch_y)
        batch_loss.backward()
        updater.step()
        updater.zero_grad()
    schedule.step()
    return batch_loss


def test():
    network.eval()
    with torch.no_grad():
        val_out = network(Xb)
        val_score = ((val_out - yb_) ** 2).mean().item()
    return val_score


for round_ in range(25):
    batch_loss = train()
    val_score = test()
    print(round_, batch_loss.item(), "mse", val_score)
