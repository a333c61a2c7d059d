import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import make_classification
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(87)
inputs, outputs = make_classification(1200, 20, n_informative=8, n_classes=4, class_sep=1.6, n_clusters_per_class=1, flip_y=0.0, random_state=87)
inputs, outputs = inputs.astype('float32'), outputs.astype('int64')
order = torch.randperm(len(inputs)).numpy()
inputs, outputs = inputs[order], outputs[order]
x_fit, x_hold = inputs[:900], inputs[900:]
y_fit, y_hold = outputs[:900], outputs[900:]
scaler = StandardScaler().fit(x_fit)
x_fit, x_hold = scaler.transform(x_fit), scaler.transform(x_hold)
x_fit, x_hold = torch.tensor(x_fit), torch.tensor(x_hold)
y_fit, y_hold = torch.tensor(y_fit), torch.tensor(y_hold)
loader = DataLoader(TensorDataset(x_fit, y_fit), batch_size=40, shuffle=True)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(20, 32)
        self.act = nn.SiLU()
        self.out = nn.Linear(32, 4)

    def forward(self, x):
        x = self.act(self.fc1(x))
        return self.out(x)


f = Model()

sgd = torch.optim.Adagrad(f.parameters(), lr=0.05)
decay = torch.optim.lr_scheduler.LambdaLR(sgd, lambda step: min(1.0, (step + 1) / 30))


class Trainer:
    """Holds what a training needs."""

    def __init__(self, epochs):
        self.epochs = epochs
        self.history = []

    def run(self):
        for t in range(self.epochs):
            for x_, y_ in loader:
                yhat = f(x_)
                J = F.cross_entropy(yhat, y_)
                sgd.zero_grad()
                J.backward()
                sgd.step()
                decay.step()
            with torch.no_grad():
                val_out = f(x_hold)
                val_score = (val_out.argmax(1) == y_hold).float().mean().item()
            self.history.append(val_score)
            print("%d: loss=%.4f accuracy=%.4f" % (t, J.item(), val_score))
        return self.history


Trainer(14).run()
