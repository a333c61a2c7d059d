# cancer: classification baseline
import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer

torch.manual_seed(87)
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

network = nn.Sequential(
    nn.Linear(30, 24),
    nn.LayerNorm(24),
    nn.ReLU(),
    nn.Linear(24, 24),
    nn.LayerNorm(24),
    nn.ReLU(),
    nn.Linear(24, 1),
)

updater = torch.optim.NAdam(network.parameters(), lr=0.004)
schedule = torch.optim.lr_scheduler.OneCycleLR(updater, max_lr=0.004, total_steps=168)


def train():
    network.train()
    for _ in range(14):
        idx = torch.randint(0, len(Xa), (32,))
        batch_x, batch_y = Xa[idx], ya[idx]
        updater.zero_grad()
        logits = network(batch_x)
        batch_loss = F.binary_cross_entropy_with_logits(logits, batch_y)
        batch_loss.backward()
        updater.step()
        schedule.step()
    return batch_loss


def test():
    network.eval()
    with torch.no_grad():
        val_out = network(Xb)
        val_score = ((val_out > 0) == (yb_ > 0.5)).float().mean().item()
    return val_score


for round_ in range(12):
    batch_loss = train()
    val_score = test()
    print(f"{round_} loss {batch_loss.item():.4f} val accuracy {val_score:.4f}")
