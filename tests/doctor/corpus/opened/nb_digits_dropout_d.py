#!/usr/bin/env python
# coding: utf-8

# # Lab 3: recognising handwritten digits

# In[1]:

import torch
import torch.nn as nn
import torch.optim as optim
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(1)

# In[2]:

digits = load_digits()
X = digits.data / 16.0
y = digits.target
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=1, stratify=y)

train_ds = TensorDataset(torch.tensor(X_train, dtype=torch.float32), torch.tensor(y_train))
test_ds = TensorDataset(torch.tensor(X_test, dtype=torch.float32), torch.tensor(y_test))
train_loader = DataLoader(train_ds, batch_size=32, shuffle=True)
test_loader = DataLoader(test_ds, batch_size=128)

# In[3]:

net = nn.Sequential(
    nn.Linear(64, 96),
    nn.ReLU(),
    nn.Dropout(0.3),
    nn.Linear(96, 48),
    nn.ReLU(),
    nn.Dropout(0.3),
    nn.Linear(48, 10),
)
print(net)

criterion = nn.CrossEntropyLoss()
optimizer = optim.SGD(net.parameters(), lr=0.05, momentum=0.9)

# In[4]:

for epoch in range(1, 21):
    net.train()
    total = 0.0
    for inputs, labels in train_loader:
        optimizer.zero_grad()
        outputs = net(inputs)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(inputs)

    hits, val_loss = 0, 0.0
    with torch.no_grad():
        for inputs, labels in test_loader:
            outputs = net(inputs)
            val_loss += criterion(outputs, labels).item() * len(inputs)
            hits += (outputs.argmax(1) == labels).sum().item()
    print("epoch %2d | train loss %.4f | test loss %.4f | test acc %.4f"
          % (epoch, total / len(train_ds), val_loss / len(test_ds), hits / len(test_ds)))
