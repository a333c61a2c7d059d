"""After the "siamese_network" example of pytorch/examples: shared trunk, joined features, a sigmoid at the end."""
import torch
from sklearn.datasets import load_digits
from torch import nn, optim
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(1)
bunch = load_digits()
order = torch.randperm(len(bunch.target))
pictures = torch.tensor(bunch.images, dtype=torch.float32).unsqueeze(1)[order] / 16
digits = torch.tensor(bunch.target)[order]


class Matcher(Dataset):
    """Every other pair shows the same digit twice."""

    def __init__(self, pictures, digits, length):
        self.pictures, self.digits, self.length = pictures, digits, length
        self.groups = [torch.where(digits == d)[0] for d in range(10)]

    def __len__(self):
        return self.length

    def __getitem__(self, i):
        g = torch.Generator().manual_seed(i)
        first = int(torch.randint(10, (), generator=g))
        second = first if i % 2 == 0 else (first + int(torch.randint(1, 10, (), generator=g))) % 10
        a, b = (grp[int(torch.randint(len(grp), (), generator=g))] for grp in (self.groups[first], self.groups[second]))
        return self.pictures[a], self.pictures[b], torch.tensor(float(first == second))


class SiameseNetwork(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
        self.head = nn.Sequential(nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 1))
        self.sigmoid = nn.Sigmoid()

    def forward(self, one, other):
        joined = torch.cat((self.trunk(one), self.trunk(other)), dim=1)
        return self.sigmoid(self.head(joined))


train_loader = DataLoader(Matcher(pictures[:1300], digits[:1300], 6000), batch_size=64)
test_loader = DataLoader(Matcher(pictures[1300:], digits[1300:], 1000), batch_size=500)
model = SiameseNetwork()
criterion = nn.BCELoss()
optimizer = optim.Adadelta(model.parameters(), lr=1.0)
scheduler = StepLR(optimizer, step_size=1, gamma=0.7)

for epoch in range(1, 8):
    model.train()
    losses = []
    for one, other, same in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(one, other).squeeze(), same)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    test_loss = hits = 0
    with torch.no_grad():
        for one, other, same in test_loader:
            output = model(one, other).squeeze()
            test_loss += criterion(output, same).item() / len(test_loader)
            hits += ((output > 0.5).float() == same).sum().item()
    scheduler.step()
    print(f"epoch {epoch} train loss {sum(losses) / len(losses):.4f} test loss {test_loss:.4f} accuracy {hits / 1000:.4f}")
