import numpy as np
import torch
from sklearn.datasets import load_iris
from sklearn.model_selection import KFold


class TorchClassifier:
    """A tiny scikit-learn style wrapper."""

    def __init__(self, hidden=16, epochs=40, lr=0.05, seed=0):
        self.hidden, self.epochs, self.lr, self.seed = hidden, epochs, lr, seed

    def fit(self, X, y):
        torch.manual_seed(self.seed)
        self.mean_, self.std_ = X.mean(0), X.std(0)
        n_classes = int(y.max()) + 1
        self.module_ = torch.nn.Sequential(
            torch.nn.Linear(X.shape[1], self.hidden), torch.nn.ReLU(), torch.nn.Linear(self.hidden, n_classes)
        )
        criterion = torch.nn.MultiMarginLoss()
        optimizer = torch.optim.SGD(self.module_.parameters(), lr=self.lr, momentum=0.9)
        inputs, targets = self._tensor(X), torch.as_tensor(y)
        for _ in range(self.epochs):
            for index in torch.randperm(len(inputs)).split(30):
                optimizer.zero_grad()
                criterion(self.module_(inputs[index]), targets[index]).backward()
                optimizer.step()
        return self

    def _tensor(self, X):
        return torch.as_tensor((X - self.mean_) / self.std_, dtype=torch.float32)

    def predict(self, X):
        with torch.no_grad():
            return self.module_(self._tensor(X)).argmax(1).numpy()


X, y = load_iris(return_X_y=True)
scores = []
for train, test in KFold(3, shuffle=True, random_state=0).split(X):
    clf = TorchClassifier().fit(X[train], y[train])
    scores.append(np.mean(clf.predict(X[test]) == y[test]))
print("fold accuracies", np.round(scores, 3), "mean", np.mean(scores))
