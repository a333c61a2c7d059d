import numpy as np
import torch
from sklearn.datasets import make_classification
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

torch.manual_seed(0)
X, y = make_classification(
    3000, 10, n_informative=6, n_classes=3, weights=[0.94, 0.03, 0.03], class_sep=1.0, flip_y=0, random_state=5
)
X = (X - X.mean(0)) / X.std(0)
tr, te = np.arange(0, 2000), np.arange(2000, 3000)
train = TensorDataset(torch.tensor(X[tr]).float(), torch.tensor(y[tr]))

loader = DataLoader(train, batch_size=50, shuffle=True)
net = torch.nn.Sequential(torch.nn.Linear(10, 32), torch.nn.ReLU(), torch.nn.Linear(32, 3))
opt = torch.optim.AdamW(net.parameters(), lr=3e-3)
for epoch in range(6):
    for xb, yb in loader:
        opt.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(xb), yb)
        loss.backward()
        opt.step()
    print("epoch", epoch, "loss", loss.item())
with torch.no_grad():
    guess = net(torch.tensor(X[te]).float()).argmax(1).numpy()
print("mean recall", np.mean([(guess[y[te] == c] == c).mean() for c in range(3)]))
