# skorch in a scikit-learn pipeline
import numpy as np
import torch
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetClassifier
from skorch.callbacks import LRScheduler
from torch import nn

torch.manual_seed(36)
np.random.seed(36)
X, y = make_classification(7000, 16, n_informative=8, n_classes=4, class_sep=1.4, flip_y=0.03, random_state=36)
X = X.astype(np.float32) * np.linspace(0.5, 8, 16, dtype=np.float32) + 3
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=0)


class MyModule(nn.Module):
    def __init__(self, num_units=40, nonlin=nn.ReLU()):
        super().__init__()
        self.dense0 = nn.Linear(16, num_units)
        self.nonlin = nonlin
        self.dropout = nn.Dropout(0.2)
        self.dense1 = nn.Linear(num_units, num_units)
        self.output = nn.Linear(num_units, 4)

    def forward(self, X):
        X = self.nonlin(self.dense0(X))
        X = self.dropout(X)
        X = self.nonlin(self.dense1(X))
        return torch.softmax(self.output(X), dim=-1)


net = NeuralNetClassifier(
    MyModule,
    max_epochs=18,
    lr=0.1,
    criterion=nn.CrossEntropyLoss,
    optimizer=torch.optim.SGD,
    optimizer__momentum=0.9,
    optimizer__weight_decay=2e-3,
    batch_size=64,
    iterator_train__shuffle=True,
    callbacks=[('lr', LRScheduler('StepLR', step_size=12, gamma=0.1))],
)
pipe = Pipeline([('scale', StandardScaler()), ('net', net)])
pipe.fit(X_train, y_train)
print('test accuracy', pipe.score(X_test, y_test))
