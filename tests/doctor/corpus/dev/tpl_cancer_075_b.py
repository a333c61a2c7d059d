import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(65)
X, y = load_breast_cancer(return_X_y=True)
X, y = X.astype('float32'), y.astype('float32')
order = torch.randperm(len(X)).numpy()
X, y = X[order], y[order]
X_train, X_val = X[:420], X[420:]
y_train, y_val = y[:420], y[420:]


X_train, X_val = torch.tensor(X_train), torch.tensor(X_val)
y_train, y_val = torch.tensor(y_train), torch.tensor(y_val)
y_train, y_val = y_train[:, None], y_val[:, None]
loader = DataLoader(TensorDataset(X_train, y_train), batch_size=32, shuffle=True)


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(30, 24)
        self.drop = nn.Dropout(0.1)
        self.act = nn.GELU()
        self.out = nn.Linear(24, 1)

    def forward(self, x):
        x = self.drop(self.act(self.fc1(x)))
        return self.out(x)


model = MLP()

optimizer = torch.optim.AdamW(model.parameters(), lr=0.005, weight_decay=0.01)
scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=4)


def train():
    model.train()
    for xb, yb in loader:
        out = model(xb)
        loss = F.binary_cross_entropy_with_logits(out, yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss


def test():
    model.eval()
    with torch.no_grad():
        val_out = model(X_val)
        val_score = ((val_out > 0) == (y_val > 0.5)).float().mean().item()
    scheduler.step(F.binary_cross_entropy_with_logits(val_out, y_val).item())
    return val_score


for epoch in range(12):
    loss = train()
    val_score = test()
    print(f"{epoch} loss {loss.item():.4f} val accuracy {val_score:.4f}")
