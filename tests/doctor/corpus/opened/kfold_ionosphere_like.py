import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

torch.manual_seed(71)
X, y = make_classification(n_samples=900, n_features=24, n_informative=9, n_redundant=3, flip_y=0.12,
                           class_sep=0.9, random_state=71)


def build_model():
    return nn.Sequential(nn.Linear(24, 32), nn.ReLU(), nn.Dropout(0.3), nn.Linear(32, 1))


def train_fold(model, X_train, y_train, X_val, y_val, epochs=20):
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, weight_decay=1e-3)
    criterion = nn.BCEWithLogitsLoss()
    for epoch in range(epochs):
        model.train()
        epoch_loss = 0.0
        for idx in torch.randperm(len(X_train)).split(32):
            optimizer.zero_grad()
            loss = criterion(model(X_train[idx]).squeeze(1), y_train[idx])
            loss.backward()
            optimizer.step()
            epoch_loss += loss.item() * len(idx)
        model.eval()
        with torch.no_grad():
            logits = model(X_val).squeeze(1)
            val_loss = criterion(logits, y_val).item()
            acc = ((logits > 0) == (y_val > 0.5)).float().mean().item()
        if epoch % 2 == 0:
            print(f"   epoch {epoch:2d} train {epoch_loss / len(X_train):.4f} val {val_loss:.4f} acc {acc:.4f}")
    return acc


scores = []
splitter = StratifiedKFold(n_splits=4, shuffle=True, random_state=71)
for fold, (train, val) in enumerate(splitter.split(X, y)):
    print("fold", fold)
    scaler = StandardScaler()
    X_train = torch.tensor(scaler.fit_transform(X[train]), dtype=torch.float32)
    X_val = torch.tensor(scaler.transform(X[val]), dtype=torch.float32)
    y_train, y_val = (torch.tensor(y[part], dtype=torch.float32) for part in (train, val))
    model = build_model()
    scores.append(train_fold(model, X_train, y_train, X_val, y_val))
print("cross-validated accuracy", np.mean(scores))
