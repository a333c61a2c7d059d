import torch
from sklearn.datasets import make_multilabel_classification
from torch.utils.data import DataLoader, Dataset


class Tags(Dataset):
    def __init__(self, features, tags):
        self.features, self.tags = features, tags

    def __len__(self):
        return len(self.features)

    def __getitem__(self, i):
        return self.features[i], self.tags[i]


class Tagger(torch.nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.net = torch.nn.Sequential(
            torch.nn.Linear(n_in, 64), torch.nn.ReLU(), torch.nn.Dropout(0.2), torch.nn.Linear(64, n_out)
        )

    def forward(self, x):
        return self.net(x)


def hits(model, loader):
    model.eval()
    right = total = 0
    with torch.inference_mode():
        for f, t in loader:
            right += ((model(f) > 0) == (t > 0.5)).sum().item()
            total += t.numel()
    model.train()
    return right / total


def main():
    torch.manual_seed(9)
    X, Y = make_multilabel_classification(1000, 20, n_classes=6, n_labels=3, random_state=4)
    X = torch.tensor((X - X.mean(0)) / X.std(0)).float()
    Y = torch.tensor(Y).float()
    train = DataLoader(Tags(X[:800], Y[:800]), batch_size=40, shuffle=True, num_workers=1, persistent_workers=True)
    val = DataLoader(Tags(X[800:], Y[800:]), batch_size=200)
    model = Tagger(20, 6)
    opt = torch.optim.Adam(model.parameters(), lr=3e-3)
    loss_fn = torch.nn.BCEWithLogitsLoss()
    model.train()
    for epoch in range(8):
        for f, t in train:
            opt.zero_grad()
            loss = loss_fn(model(f), t)
            loss.backward()
            opt.step()
        print(epoch, loss.item(), "label accuracy", hits(model, val))


if __name__ == "__main__":
    main()
