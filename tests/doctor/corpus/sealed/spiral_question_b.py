# Classifying three spirals, here is the whole code so that you can run it
import torch
import numpy as np

np.random.seed(0)
torch.manual_seed(0)

N, D, K = 400, 2, 3
X = np.zeros((N * K, D))
y = np.zeros(N * K, dtype='int64')
for j in range(K):
    ix = range(N * j, N * (j + 1))
    r = np.linspace(0.05, 1, N)
    t = np.linspace(j * 4, (j + 1) * 4, N) + np.random.randn(N) * 0.3
    X[ix] = np.c_[r * np.sin(t), r * np.cos(t)]
    y[ix] = j

X = torch.tensor(X, dtype=torch.float32)
y = torch.tensor(y)
test = torch.arange(N * K) % 4 == 0
Xtr, ytr, Xte, yte = X[~test], y[~test], X[test], y[test]

model = torch.nn.Sequential(
    torch.nn.Linear(D, 64),
    torch.nn.Linear(64, 64),
    torch.nn.Linear(64, K)
)
criterion = torch.nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

for t in range(200):
    y_pred = model(Xtr)
    loss = criterion(y_pred, ytr)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if t % 20 == 19:
        with torch.no_grad():
            acc = (y_pred.argmax(1) == ytr).float().mean()
            tacc = (model(Xte).argmax(1) == yte).float().mean()
            tloss = criterion(model(Xte), yte)
        print("[EPOCH]: %i, [LOSS]: %.4f, [ACC]: %.3f, [TEST LOSS]: %.4f, [TEST ACC]: %.3f" % (t, loss.item(), acc, tloss, tacc))

print(tacc.item())
