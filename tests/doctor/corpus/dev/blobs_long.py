from sklearn.datasets import make_blobs
import torch
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(3)
P, C = make_blobs(900, centers=5, cluster_std=1.6, random_state=12)
P = torch.tensor((P - P.mean(0)) / P.std(0), dtype=torch.float32)
C = torch.tensor(C)
loader = DataLoader(TensorDataset(P[:600], C[:600]), batch_size=60, shuffle=True)
clf = torch.nn.Sequential(torch.nn.Linear(2, 16), torch.nn.ReLU(), torch.nn.Linear(16, 5))
optimizer = torch.optim.Adam(clf.parameters(), lr=0.02)
loss_fn = torch.nn.CrossEntropyLoss()
EPOCHS = 15
for epoch in range(EPOCHS):
    for p, c in loader:
        optimizer.zero_grad()
        loss = loss_fn(clf(p), c)
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        val = loss_fn(clf(P[600:]), C[600:]).item()
        acc = (clf(P[600:]).argmax(1) == C[600:]).float().mean().item()
    print(f"epoch {epoch:3d} val loss {val:.4f} acc {acc:.4f}")
