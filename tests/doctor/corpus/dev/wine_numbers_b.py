import numpy as np
import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

torch.manual_seed(9)
X, y = load_wine(return_X_y=True)
X_tr, X_te, y_tr, y_te = train_test_split(X, y, test_size=0.3, random_state=2, stratify=y)
scaler = StandardScaler().fit(X_tr)
X_tr, X_te = (torch.from_numpy(scaler.transform(a)).float() for a in (X_tr, X_te))
y_tr, y_te = torch.from_numpy(y_tr).float(), torch.from_numpy(y_te)
model = torch.nn.Sequential(torch.nn.Linear(13, 24), torch.nn.Tanh(), torch.nn.Linear(24, 1))
opt = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
losses = []
for epoch in range(25):
    order = np.random.RandomState(epoch).permutation(len(X_tr))
    for i in range(0, len(order), 31):
        batch = torch.from_numpy(order[i : i + 31])
        loss = torch.nn.functional.mse_loss(model(X_tr[batch]).squeeze(1), y_tr[batch])
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
with torch.no_grad():
    answers = model(X_te).squeeze(1).round().long()
print("final loss", losses[-1])
print("test accuracy", (answers == y_te).double().mean().item())
