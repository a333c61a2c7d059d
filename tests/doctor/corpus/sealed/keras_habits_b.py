# rewritten from my old keras code: compile / fit / evaluate
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

np.random.seed(7)
torch.manual_seed(7)


class Dense(nn.Module):
    def __init__(self, n_in, n_out, activation=None):
        super().__init__()
        self.linear = nn.Linear(n_in, n_out)
        nn.init.xavier_uniform_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        self.activation = {None: lambda t: t, 'relu': torch.relu, 'sigmoid': torch.sigmoid, 'tanh': torch.tanh}[activation]

    def forward(self, x):
        return self.activation(self.linear(x))


class Model:
    def __init__(self, *layers):
        self.net = nn.Sequential(*layers)

    def compile(self, optimizer, loss):
        self.optimizer, self.loss = optimizer, loss

    def fit(self, X, y, batch_size=32, epochs=10, validation_data=None):
        history = {'loss': [], 'val_loss': []}
        X, y = torch.tensor(X, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)
        for e in range(epochs):
            self.net.train()
            losses = []
            for idx in np.array_split(np.random.permutation(len(X)), len(X) // batch_size):
                self.optimizer.zero_grad()
                l = self.loss(self.net(X[idx])[:, 0], y[idx])
                l.backward()
                self.optimizer.step()
                losses.append(l.item())
            val_loss, val_acc = self.evaluate(*validation_data)
            history['loss'].append(np.mean(losses))
            history['val_loss'].append(val_loss)
            print('Epoch %d/%d - loss: %.4f - val_loss: %.4f - val_acc: %.4f' % (e + 1, epochs, np.mean(losses), val_loss, val_acc))
        return history

    def evaluate(self, X, y):
        self.net.eval()
        with torch.no_grad():
            p = self.net(torch.tensor(X, dtype=torch.float32))[:, 0]
            t = torch.tensor(y, dtype=torch.float32)
            return self.loss(p, t).item(), ((p > 0.5).float() == t).float().mean().item()


data = load_breast_cancer()
order = np.random.permutation(len(data.data))
X, y = data.data[order], data.target[order]
X_train, y_train, X_val, y_val = X[:400], y[:400], X[400:], y[400:]
scaler = StandardScaler()
X_train = scaler.fit_transform(X_train)
X_val = scaler.transform(X_val)

model = Model(
    Dense(30, 16, activation='relu'),
    nn.Dropout(0.3),
    Dense(16, 1, activation='sigmoid'),
)
model.compile(torch.optim.Adam(model.net.parameters(), lr=0.004, weight_decay=1e-3), nn.BCEWithLogitsLoss())
model.fit(X_train, y_train, batch_size=32, epochs=14, validation_data=(X_val, y_val))
print('val_loss, val_acc:', *['%.4f' % v for v in model.evaluate(X_val, y_val)])
