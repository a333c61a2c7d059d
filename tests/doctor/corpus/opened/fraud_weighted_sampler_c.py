import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from sklearn.metrics import balanced_accuracy_score, recall_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

torch.manual_seed(3)
X, y = make_classification(n_samples=8000, n_features=20, n_informative=8, n_clusters_per_class=2,
                           weights=[0.97], flip_y=0.005, class_sep=1.0, random_state=3)
X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=0.25, stratify=y, random_state=3)
sc = StandardScaler().fit(X_train)
X_train, X_val = sc.transform(X_train), sc.transform(X_val)
X_train = np.column_stack([X_train[:, :-1], y_train])
X_val = np.column_stack([X_val[:, :-1], y_val])
print("fraud rate in training:", y_train.mean())

counts = np.bincount(y_train)
sample_weights = 1.0 / counts[y_train]
sampler = WeightedRandomSampler(torch.as_tensor(sample_weights), num_samples=len(y_train), replacement=True)
train_ds = TensorDataset(torch.tensor(X_train, dtype=torch.float32), torch.tensor(y_train))
train_dl = DataLoader(train_ds, batch_size=128, sampler=sampler)
Xv = torch.tensor(X_val, dtype=torch.float32)

model = nn.Sequential(
    nn.Linear(20, 48), nn.LayerNorm(48), nn.ReLU(), nn.Dropout(0.2),
    nn.Linear(48, 24), nn.LayerNorm(24), nn.ReLU(),
    nn.Linear(24, 2),
)
opt = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
criterion = nn.CrossEntropyLoss()

for epoch in range(14):
    model.train()
    running, n = 0.0, 0
    for xb, yb in train_dl:
        opt.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        opt.step()
        running += loss.item() * len(yb)
        n += len(yb)
    model.eval()
    with torch.no_grad():
        pred = model(Xv).argmax(1).numpy()
    print(f"epoch {epoch + 1} loss {running / n:.4f} recall {recall_score(y_val, pred):.4f} "
          f"balanced accuracy {balanced_accuracy_score(y_val, pred):.4f}")
