import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(41)
inputs, outputs = load_wine(return_X_y=True)
inputs, outputs = inputs.astype('float32'), outputs.astype('int64')
order = torch.randperm(len(inputs)).numpy()
inputs, outputs = inputs[order], outputs[order]
x_fit, x_hold = inputs[:130], inputs[130:]
y_fit, y_hold = outputs[:130], outputs[130:]
scaler = StandardScaler().fit(x_fit)
x_fit, x_hold = scaler.transform(x_fit), scaler.transform(x_hold)
x_fit, y_fit, x_hold, y_hold = map(torch.from_numpy, (x_fit, y_fit, x_hold, y_hold))
loader = DataLoader(TensorDataset(x_fit, y_fit), batch_size=25, shuffle=True)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(13, 24)
        self.norm1 = nn.BatchNorm1d(24)
        self.fc2 = nn.Linear(24, 24)
        self.norm2 = nn.BatchNorm1d(24)
        self.act = nn.Tanh()
        self.out = nn.Linear(24, 3)

    def forward(self, x):
        x = self.act(self.norm1(self.fc1(x)))
        x = self.act(self.norm2(self.fc2(x)))
        return self.out(x)


f = Classifier()

sgd = torch.optim.RMSprop(f.parameters(), lr=0.002)
decay = torch.optim.lr_scheduler.ReduceLROnPlateau(sgd, factor=0.5, patience=4)


class Trainer:
    """Holds what a training needs."""

    def __init__(self, epochs):
        self.epochs = epochs
        self.history = []

    def run(self):
        for t in range(self.epochs):
            f.train()
            for x_, y_ in loader:
                yhat = f(x_)
                J = F.cross_entropy(yhat, y_)
                J.backward()
                sgd.step()
                sgd.zero_grad()
            f.eval()
            with torch.no_grad():
                val_out = f(x_hold)
                val_score = (val_out.argmax(1) == y_hold).float().mean().item()
            decay.step(F.cross_entropy(val_out, y_hold).item())
            self.history.append(val_score)
            print("%d: loss=%.4f accuracy=%.4f" % (t, J.item(), val_score))
        return self.history


Trainer(25).run()
