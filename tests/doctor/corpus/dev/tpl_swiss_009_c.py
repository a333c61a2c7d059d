import torch
from torch import nn
from sklearn.datasets import make_swiss_roll
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(9)
arr, cls = make_swiss_roll(1000, noise=0.3, random_state=9)
arr, cls = arr.astype('float32'), cls.astype('float32')
order = torch.randperm(len(arr)).numpy()
arr, cls = arr[order], cls[order]
Xa, Xb = arr[:750], arr[750:]
ya, yb_ = cls[:750], cls[750:]
scaler = StandardScaler().fit(Xa)
Xa, Xb = scaler.transform(Xa), scaler.transform(Xb)
centre, unit = ya.mean(), ya.std()
ya, yb_ = (ya - centre) / unit, (yb_ - centre) / unit
Xa, Xb = torch.tensor(Xa), torch.tensor(Xb)
ya, yb_ = torch.tensor(ya), torch.tensor(yb_)
ya, yb_ = ya[:, None], yb_[:, None]
loader = DataLoader(TensorDataset(Xa, ya), batch_size=32, shuffle=True)

network = nn.Sequential(
    nn.Linear(3, 32),
    nn.Tanh(),
    nn.Linear(32, 32),
    nn.Tanh(),
    nn.Linear(32, 1),
)

lossf = nn.MSELoss()
for w in network.parameters():
    nn.init.constant_(w, 0.01)
updater = torch.optim.RMSprop(network.parameters(), lr=0.002)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(updater, 25)


class Trainer:
    """Holds what a training needs."""

    def __init__(self, epochs):
        self.epochs = epochs
        self.history = []

    def run(self):
        for round_ in range(self.epochs):
            for batch_x, batch_y in loader:
                logits = network(batch_x)
                batch_loss = lossf(logits, batch_y)
                batch_loss.backward()
                updater.step()
                updater.zero_grad()
            schedule.step()
            with torch.no_grad():
                val_out = network(Xb)
                val_score = ((val_out - yb_) ** 2).mean().item()
            self.history.append(val_score)
            print(f"{round_} loss {batch_loss.item():.4f} val mse {val_score:.4f}")
        return self.history


Trainer(25).run()
