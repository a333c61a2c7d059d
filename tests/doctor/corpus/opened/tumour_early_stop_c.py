# breast cancer baseline, 5.0
import copy
import random

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import train_test_split

SEED = 2021
N_EPOCHS = 60
PATIENCE = 8
BS = 32


def seed_everything(seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


seed_everything(SEED)

X, y = load_breast_cancer(return_X_y=True)
X_tr, X_va, y_tr, y_va = train_test_split(X, y, test_size=0.3, stratify=y, random_state=SEED)



class TumourDataset(torch.utils.data.Dataset):
    def __init__(self, features, targets):
        self.features = features.astype(np.float32)
        self.targets = targets.astype(np.float32)

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, idx):
        return {"x": torch.from_numpy(self.features[idx]), "y": torch.tensor(self.targets[idx])}


class TabModel(nn.Module):
    def __init__(self, num_features, hidden=32):
        super().__init__()
        self.dense1 = nn.Linear(num_features, hidden)
        self.drop1 = nn.Dropout(0.2)
        self.dense2 = nn.Linear(hidden, hidden)
        self.drop2 = nn.Dropout(0.2)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x):
        x = self.drop1(torch.relu(self.dense1(x)))
        x = self.drop2(torch.relu(self.dense2(x)))
        x = self.out(x)
        return x.squeeze(1)


train_loader = torch.utils.data.DataLoader(TumourDataset(X_tr, y_tr), batch_size=BS, shuffle=True)
valid_loader = torch.utils.data.DataLoader(TumourDataset(X_va, y_va), batch_size=256)

model = TabModel(X_tr.shape[1])
loss_fn = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-4)

best_loss, wait, best_state = np.inf, 0, None
for epoch in range(N_EPOCHS):
    model.train()
    tr_loss = 0
    for data in train_loader:
        optimizer.zero_grad()
        outputs = model(data["x"])
        loss = loss_fn(outputs, data["y"])
        loss.backward()
        optimizer.step()
        tr_loss += loss.item() / len(train_loader)

    model.eval()
    preds = []
    with torch.no_grad():
        for data in valid_loader:
            preds.append(torch.sigmoid(model(data["x"])).numpy())
    preds = np.concatenate(preds).astype(np.float64)
    va_loss = log_loss(y_va, preds.clip(1e-6, 1 - 1e-6))
    print(f"EPOCH: {epoch}, train_loss: {tr_loss:.4f}, valid_loss: {va_loss:.4f}, auc: {roc_auc_score(y_va, preds):.4f}")

    if va_loss < best_loss:
        best_loss, wait, best_state = va_loss, 0, copy.deepcopy(model.state_dict())
    else:
        wait += 1
        if wait >= PATIENCE:
            break

model.load_state_dict(best_state)
print("best log loss", best_loss)
