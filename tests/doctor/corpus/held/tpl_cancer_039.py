# cancer: classification baseline
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(12)
arr, cls = load_breast_cancer(return_X_y=True)
arr, cls = arr.astype('float32'), cls.astype('float32')
order = torch.randperm(len(arr)).numpy()
arr, cls = arr[order], cls[order]
Xa, Xb = arr[:420], arr[420:]
ya, yb_ = cls[:420], cls[420:]
mean, std = Xa.mean(0), Xa.std(0) + 1e-6
Xa, Xb = (Xa - mean) / std, (Xb - mean) / std
Xa, Xb = torch.tensor(Xa), torch.tensor(Xb)
ya, yb_ = torch.tensor(ya), torch.tensor(yb_)
ya, yb_ = ya[:, None], yb_[:, None]
loader = DataLoader(TensorDataset(Xa, ya), batch_size=40, shuffle=True)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(30, 32)
        self.act = nn.ReLU()
        self.out = nn.Linear(32, 1)

    def forward(self, x):
        x = self.act(self.fc1(x))
        return self.out(x)


network = Net()

updater = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)

for round_ in range(12):
    network.train()
    for batch_x, batch_y in loader:
        logits = network(batch_x)
        batch_loss = F.binary_cross_entropy_with_logits(logits, batch_y)
        updater.zero_grad()
        batch_loss.backward()
        updater.step()
    network.eval()
    with torch.no_grad():
        val_out = network(Xb)
        val_score = ((val_out > 0) == (yb_ > 0.5)).float().mean().item()
    print(f"{round_} loss {batch_loss.item():.4f} val accuracy {val_score:.4f}")
