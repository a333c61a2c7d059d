"""Train a small network on synth."""
import torch
from torch import nn
from sklearn.datasets import make_classification
from sklearn.preprocessing import StandardScaler

torch.manual_seed(40)
arr, cls = make_classification(1200, 20, n_informative=8, n_classes=4, class_sep=1.6, n_clusters_per_class=1, flip_y=0.0, random_state=40)
arr, cls = arr.astype('float32'), cls.astype('int64')
order = torch.randperm(len(arr)).numpy()
arr, cls = arr[order], cls[order]
Xa, Xb = arr[:900], arr[900:]
ya, yb_ = cls[:900], cls[900:]
scaler = StandardScaler().fit(Xa)
Xa, Xb = scaler.transform(Xa), scaler.transform(Xb)
Xa, ya, Xb, yb_ = map(torch.from_numpy, (Xa, ya, Xb, yb_))

network = nn.Sequential(
    nn.Linear(20, 32),
    nn.SiLU(),
    nn.Dropout(0.1),
    nn.Linear(32, 4),
)

lossf = nn.CrossEntropyLoss()
updater = torch.optim.RAdam(network.parameters(), lr=0.01)
schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(updater, factor=0.5, patience=4)


def train():
    network.train()
    for idx in torch.randperm(len(Xa)).split(50):
        batch_x, batch_y = Xa[idx], ya[idx]
        logits = network(batch_x)
        batch_loss = lossf(logits, batch_y)
        batch_loss.backward()
        updater.step()
        updater.zero_grad()
    return batch_loss


def test():
    with torch.no_grad():
        val_out = network(Xb)
        val_score = (val_out.argmax(1) == yb_).float().mean().item()
    schedule.step(lossf(val_out, yb_).item())
    return val_score


for round_ in range(14):
    batch_loss = train()
    val_score = test()
    print(round_, batch_loss.item(), "accuracy", val_score)
