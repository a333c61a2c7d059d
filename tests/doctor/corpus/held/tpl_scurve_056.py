import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_s_curve
from sklearn.preprocessing import StandardScaler

torch.manual_seed(25)
data, target = make_s_curve(1000, noise=0.1, random_state=25)
data, target = data.astype('float32'), target.astype('float32')
order = torch.randperm(len(data)).numpy()
data, target = data[order], target[order]
train_x, test_x = data[:750], data[750:]
train_y, test_y = target[:750], target[750:]
scaler = StandardScaler().fit(train_x)
train_x, test_x = scaler.transform(train_x), scaler.transform(test_x)
centre, unit = train_y.mean(), train_y.std()
train_y, test_y = (train_y - centre) / unit, (test_y - centre) / unit
train_x, train_y, test_x, test_y = map(torch.from_numpy, (train_x, train_y, test_x, test_y))
train_y, test_y = train_y[:, None], test_y[:, None]

net = nn.Sequential(
    nn.Linear(3, 64),
    nn.Tanh(),
    nn.Dropout(0.1),
    nn.Linear(64, 1),
)

opt = torch.optim.RMSprop(net.parameters(), lr=0.002)
sched = torch.optim.lr_scheduler.LambdaLR(opt, lambda step: min(1.0, (step + 1) / 30))


def train_one_epoch():
    net.train()
    for _ in range(30):
        idx = torch.randint(0, len(train_x), (25,))
        inputs, labels = train_x[idx], train_y[idx]
        opt.zero_grad()
        pred = net(inputs)
        loss = F.mse_loss(pred, labels)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        opt.step()
        sched.step()
    return loss


def evaluate():
    net.eval()
    with torch.no_grad():
        val_out = net(test_x)
        val_score = ((val_out - test_y) ** 2).mean().item()
    return val_score


for ep in range(25):
    loss = train_one_epoch()
    val_score = evaluate()
    print(f"{ep} loss {loss.item():.4f} val mse {val_score:.4f}")
