import numpy as np
import torch
import torch.nn as nn

np.random.seed(0)
torch.manual_seed(0)

N, D, K = 300, 2, 3
X = np.zeros((N * K, D))
y = np.zeros(N * K, dtype='int64')
for j in range(K):
    ix = range(N * j, N * (j + 1))
    r = np.linspace(0.0, 1, N)
    t = np.linspace(j * 4, (j + 1) * 4, N) + np.random.randn(N) * 0.3
    X[ix] = np.c_[r * np.sin(t), r * np.cos(t)]
    y[ix] = j

perm = np.random.permutation(N * K)
X = torch.tensor(X[perm], dtype=torch.float32) * 2
y = torch.tensor(y[perm])
X_train, y_train, X_test, y_test = X[:700], y[:700], X[700:], y[700:]


def block(n_in, n_out):
    return nn.Sequential(nn.Linear(n_in, n_out), nn.ReLU())


layers = [block(2, 32)]
for _ in range(4):
    layers.append(block(32, 32))
layers.append(nn.Linear(32, K))
model = nn.Sequential(*layers)

for m in model.modules():
    if isinstance(m, nn.Linear):
        nn.init.constant_(m.weight, 0.01)
        nn.init.zeros_(m.bias)

criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

for epoch in range(60):
    for idx in torch.randperm(len(X_train)).split(50):
        optimizer.zero_grad()
        loss = criterion(model(X_train[idx]), y_train[idx])
        loss.backward()
        optimizer.step()
    if epoch % 4 == 3:
        with torch.no_grad():
            train_out, test_out = model(X_train), model(X_test)
            print(f"epoch {epoch + 1}: train loss {criterion(train_out, y_train):.4f}, "
                  f"test loss {criterion(test_out, y_test):.4f}, "
                  f"test accuracy {(test_out.argmax(1) == y_test).float().mean():.4f}")
