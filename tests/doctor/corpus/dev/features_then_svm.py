"""An autoencoder's code of training and test images, classified by scikit-learn."""
import torch
from torch import nn
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
torch.manual_seed(0)
X, y = load_digits(return_X_y=True)
X = torch.tensor(X, dtype=torch.float32) / 16
train, test, y_train, y_test = X[:1300], X[1300:], y[:1300], y[1300:]
enc = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 12))
dec = nn.Sequential(nn.Linear(12, 48), nn.ReLU(), nn.Linear(48, 64))
opt = torch.optim.Adam([*enc.parameters(), *dec.parameters()], lr=2e-3)
for epoch in range(25):
    for b in train[torch.randperm(1300)].split(65):
        loss = nn.functional.mse_loss(dec(enc(b)), b)
        opt.zero_grad()
        loss.backward()
        opt.step()
with torch.no_grad():
    codes = enc(X).numpy()
head = LogisticRegression(max_iter=2000).fit(codes[:1300], y_train)
print("accuracy on codes", head.score(codes[1300:], y_test))
