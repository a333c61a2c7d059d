import torch
import torch.nn as nn
from sklearn.datasets import make_multilabel_classification
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split

torch.manual_seed(99)
X, Y = make_multilabel_classification(n_samples=2500, n_features=40, n_classes=8, n_labels=3, random_state=99)
X_tr, X_te, Y_tr, Y_te = train_test_split(X, Y, test_size=0.2, random_state=0)
mean, std = X_tr.mean(0), X_tr.std(0)
X_tr, X_te = (X_tr - mean) / std, (X_te - mean) / std

X_tr, X_te = torch.Tensor(X_tr), torch.Tensor(X_te)
Y_tr, Y_te = torch.Tensor(Y_tr), torch.Tensor(Y_te)


class TagNet(nn.Module):
    def __init__(self, n_in, n_tags):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(n_in, 64), nn.ReLU(), nn.Dropout(0.3))
        self.tags = nn.Linear(64, n_tags)

    def forward(self, x):
        return torch.sigmoid(self.tags(self.body(x)))


model = TagNet(40, 8)
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
BATCH = 50

for epoch in range(16):
    model.train()
    idx = torch.randperm(len(X_tr))
    epoch_loss = 0.
    for start in range(0, len(X_tr), BATCH):
        batch = idx[start:start + BATCH]
        logits = model(X_tr[batch])
        loss = criterion(logits, Y_tr[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() * len(batch)

    model.eval()
    with torch.no_grad():
        logits = model(X_te)
        val_loss = criterion(logits, Y_te).item()
        predicted = (logits > 0.5).int()
    print("epoch", epoch, "train", round(epoch_loss / len(X_tr), 4), "val", round(val_loss, 4),
          "macro F1", round(f1_score(Y_te, predicted, average="macro", zero_division=0), 4))
