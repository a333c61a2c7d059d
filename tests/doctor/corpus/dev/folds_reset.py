import copy
import torch
from torch import nn
from sklearn.datasets import load_wine
from sklearn.model_selection import KFold
torch.manual_seed(0)
X, y = load_wine(return_X_y=True)
X, y = torch.tensor((X - X.mean(0)) / X.std(0), dtype=torch.float32), torch.tensor(y)
model = nn.Sequential(nn.Linear(13, 24), nn.ReLU(), nn.Linear(24, 3))
start = copy.deepcopy(model.state_dict())
accs = []
for tr, te in KFold(5, shuffle=True, random_state=1).split(X):
    model.load_state_dict(start)
    opt = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(15):
        for i in torch.tensor(tr)[torch.randperm(len(tr))].split(24):
            loss = nn.functional.cross_entropy(model(X[i]), y[i])
            opt.zero_grad()
            loss.backward()
            opt.step()
    with torch.no_grad():
        test_acc = (model(X[te]).argmax(1) == y[te]).float().mean().item()
    accs.append(test_acc)
    print("held-out fold", test_acc)
print("mean", sum(accs) / 5)
