# scurve: regression baseline
import torch
import torch.nn as nn
from sklearn.datasets import make_s_curve
from sklearn.preprocessing import StandardScaler

torch.manual_seed(60)
X, y = make_s_curve(1000, noise=0.1, random_state=60)
X, y = X.astype('float32'), y.astype('float32')
order = torch.randperm(len(X)).numpy()
X, y = X[order], y[order]
X_train, X_val = X[:750], X[750:]
y_train, y_val = y[:750], y[750:]
scaler = StandardScaler().fit(X_train)
X_train, X_val = scaler.transform(X_train), scaler.transform(X_val)
centre, unit = y_train.mean(), y_train.std()
y_train, y_val = (y_train - centre) / unit, (y_val - centre) / unit
X_train, y_train, X_val, y_val = map(torch.from_numpy, (X_train, y_train, X_val, y_val))
y_train, y_val = y_train[:, None], y_val[:, None]


def make_net():
    layers, width = [], 3
    for size in [32, 32]:
        layers += [nn.Linear(width, size), nn.LeakyReLU()]
        width = size
    layers.append(nn.Linear(width, 1))
    return nn.Sequential(*layers)


model = make_net()

criterion = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)

for epoch in range(35):
    for _ in range(19):
        idx = torch.randint(0, len(X_train), (40,))
        xb, yb = X_train[idx], y_train[idx]
        optimizer.zero_grad()
        out = model(xb)
        loss = criterion(out, yb)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
    with torch.no_grad():
        val_out = model(X_val)
        val_score = ((val_out - y_val) ** 2).mean().item()
    print("%d: loss=%.4f mse=%.4f" % (epoch, loss.item(), val_score))
