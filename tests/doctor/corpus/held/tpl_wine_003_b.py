import torch
import torch.nn as nn
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler

torch.manual_seed(28)
inputs, outputs = load_wine(return_X_y=True)
inputs, outputs = inputs.astype('float32'), outputs.astype('int64')
order = torch.randperm(len(inputs)).numpy()
inputs, outputs = inputs[order], outputs[order]
x_fit, x_hold = inputs[:130], inputs[130:]
y_fit, y_hold = outputs[:130], outputs[130:]
scaler = StandardScaler().fit(x_fit)
x_fit, x_hold = scaler.transform(x_fit), scaler.transform(x_hold)
x_fit, x_hold = torch.tensor(x_fit), torch.tensor(x_hold)
y_fit, y_hold = torch.tensor(y_fit), torch.tensor(y_hold)

f = nn.Sequential(
    nn.Linear(13, 64),
    nn.BatchNorm1d(64),
    nn.ELU(),
    nn.Linear(64, 3),
)

cost = nn.CrossEntropyLoss()
sgd = torch.optim.RAdam(f.parameters(), lr=0.01)
decay = torch.optim.lr_scheduler.ReduceLROnPlateau(sgd, factor=0.5, patience=4)


class Trainer:
    """Holds what a training needs."""

    def __init__(self, epochs):
        self.epochs = epochs
        self.history = []

    def run(self):
        for t in range(self.epochs):
            f.train()
            for _ in range(4):
                idx = torch.randint(0, len(x_fit), (40,))
                x_, y_ = x_fit[idx], y_fit[idx]
                yhat = f(x_)
                J = cost(yhat, y_)
                J.backward()
                sgd.step()
            f.eval()
            with torch.no_grad():
                val_out = f(x_hold)
                val_score = (val_out.argmax(1) == y_hold).float().mean().item()
            decay.step(cost(val_out, y_hold).item())
            self.history.append(val_score)
            print(f"{t} loss {J.item():.4f} val accuracy {val_score:.4f}")
        return self.history


Trainer(25).run()
