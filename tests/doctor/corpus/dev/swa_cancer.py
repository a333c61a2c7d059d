import torch
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler
from torch.optim.swa_utils import SWALR, AveragedModel, update_bn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
raw, lab = load_breast_cancer(return_X_y=True)
order = torch.randperm(len(lab)).numpy()
raw, lab = raw[order], lab[order]
sc = StandardScaler().fit(raw[:400])
x, y = torch.tensor(sc.transform(raw), dtype=torch.float32), torch.tensor(lab)
train = DataLoader(TensorDataset(x[:400], y[:400]), batch_size=40, shuffle=True)
model = torch.nn.Sequential(
    torch.nn.Linear(30, 24), torch.nn.BatchNorm1d(24), torch.nn.ReLU(), torch.nn.Linear(24, 2)
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3)
averaged = AveragedModel(model)
swa_scheduler = SWALR(optimizer, swa_lr=0.02)
for epoch in range(12):
    model.train()
    for xb, yb in train:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(xb), yb).backward()
        optimizer.step()
    if epoch >= 6:
        averaged.update_parameters(model)
        swa_scheduler.step()
# statistics of the averaged weights are gathered in train mode, without gradients
update_bn(train, averaged)
averaged.eval()
with torch.no_grad():
    print("averaged accuracy", (averaged(x[400:]).argmax(1) == y[400:]).float().mean().item())
