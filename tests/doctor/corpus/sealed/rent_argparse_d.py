import argparse
import numpy as np
import torch
from torch import nn

parser = argparse.ArgumentParser(description='Predict monthly rent of flats')
parser.add_argument('--seed', type=int, default=0)
parser.add_argument('--n', type=int, default=4000)
parser.add_argument('--hidden', type=int, default=64)
parser.add_argument('--lr', type=float, default=1e-3)
parser.add_argument('--batch-size', type=int, default=64)
parser.add_argument('--epochs', type=int, default=25)
parser.add_argument('--wd', type=float, default=1e-5)
args = parser.parse_args()


def flats(n, rng):
    area = rng.gamma(9.0, 8.0, n)
    year = rng.integers(1890, 2022, n)
    floor = rng.integers(0, 9, n)
    dist = rng.exponential(4.0, n)
    lift = rng.random(n) < 0.5
    rent = 250 + 11.0 * area * np.exp(-dist / 12) + 1.2 * np.maximum(year - 1960, 0)
    rent += np.where(lift, 12.0, -15.0) * floor + rng.normal(0, 60, n)
    x = np.stack([area, year, floor, dist * 1000, lift], 1)
    return x.astype(np.float32), rent.astype(np.float32)


def main():
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    x, y = flats(args.n, rng)
    cut = int(0.8 * args.n)
    x_mean, x_std = x[:cut].mean(0), x[:cut].std(0)
    y_mean, y_std = y[:cut].mean(), y[:cut].std()
    x = (x - x_mean) / x_std
    t = y
    x_train, t_train = torch.from_numpy(x[:cut]), torch.from_numpy(t[:cut])
    x_val, y_val = torch.from_numpy(x[cut:]), torch.from_numpy(y[cut:])

    model = nn.Sequential(nn.Linear(5, args.hidden), nn.ReLU(), nn.Linear(args.hidden, args.hidden), nn.ReLU(),
                          nn.Linear(args.hidden, 1))
    opt = torch.optim.Adam(model.parameters(), lr=args.lr, weight_decay=args.wd)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, args.epochs)
    mse = nn.MSELoss()
    for epoch in range(args.epochs):
        order = torch.randperm(cut)
        total = 0.
        for start in range(0, cut, args.batch_size):
            rows = order[start:start + args.batch_size]
            pred = model(x_train[rows]).squeeze(1)
            loss = mse(pred, t_train[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(rows)
        sched.step()
        with torch.no_grad():
            rent = model(x_val).squeeze(1)
            mae = (rent - y_val).abs().mean().item()
        if epoch % 3 == 0 or epoch == args.epochs - 1:
            print('epoch {:3d}  train mse {:.4f}  val MAE {:.2f}'.format(epoch, total / cut, mae))
    print('val MAE: {:.2f}'.format(mae))


if __name__ == '__main__':
    main()
