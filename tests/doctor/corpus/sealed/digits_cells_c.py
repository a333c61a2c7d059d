#!/usr/bin/env python
# coding: utf-8

# # Assignment 2: handwritten digits
# (exported from my notebook)

# In[1]:
import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.manual_seed(3)
np.random.seed(3)

# In[2]:
digits = load_digits()
X = digits.data
y = digits.target
print(X.shape, y.shape, X.min(), X.max())

# In[3]:
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0, stratify=y)

# scale pixels to 0..1
X_train = X_train / 16

X_train = torch.FloatTensor(X_train)
X_test = torch.FloatTensor(X_test)
y_train = torch.LongTensor(y_train)
y_test = torch.LongTensor(y_test)

# In[4]:
class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.fc1 = nn.Linear(64, 48)
        self.fc2 = nn.Linear(48, 10)
        self.relu = nn.ReLU()
        self.drop = nn.Dropout(0.1)

    def forward(self, x):
        x = self.relu(self.fc1(x))
        x = self.drop(x)
        x = self.fc2(x)
        return x

net = Net()
print(net)

# In[5]:
criterion = nn.CrossEntropyLoss()
optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
batch_size = 32
n = len(X_train)

# In[6]:
for epoch in range(15):
    net.train()
    perm = torch.randperm(n)
    running = 0.0
    for i in range(0, n, batch_size):
        idx = perm[i:i+batch_size]
        optimizer.zero_grad()
        out = net(X_train[idx])
        loss = criterion(out, y_train[idx])
        loss.backward()
        optimizer.step()
        running += loss.item() * len(idx)
    net.eval()
    with torch.no_grad():
        out = net(X_test)
        test_loss = criterion(out, y_test).item()
        acc = (out.argmax(1) == y_test).float().mean().item()
    print('epoch', epoch + 1, 'train loss %.4f' % (running / n), 'test loss %.4f' % test_loss, 'acc %.4f' % acc)
    if epoch == 9:
        optimizer.param_groups[0]['lr'] = 0.01

# In[7]:
net.eval()
print('final accuracy:', (net(X_test).argmax(1) == y_test).float().mean().item())
