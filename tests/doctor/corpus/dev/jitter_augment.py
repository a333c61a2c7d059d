import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset
from sklearn.datasets import load_digits


class Jittered(Dataset):
    """Images with noise and shifts while training, plain ones otherwise."""

    def __init__(self, images, labels, augment):
        self.images, self.labels, self.augment = images, labels, augment

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        picture = self.images[i]
        if self.augment:
            picture = torch.roll(picture, int(torch.randint(-1, 2, ())), dims=2)
            picture = (picture + 0.15 * torch.randn_like(picture)).clamp(0, 1)
        return picture, self.labels[i]


torch.manual_seed(17)
bunch = load_digits()
images = torch.tensor(bunch.images, dtype=torch.float32).unsqueeze(1) / 16
labels = torch.tensor(bunch.target)
order = torch.randperm(len(labels))
images, labels = images[order], labels[order]
train = DataLoader(Jittered(images[:1200], labels[:1200], True), batch_size=60, shuffle=True)
valid = DataLoader(Jittered(images[1200:], labels[1200:], False), batch_size=200)
model = nn.Sequential(nn.Conv2d(1, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(144, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
for epoch in range(8):
    model.train()
    for x, y in train:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        right = sum((model(x).argmax(1) == y).sum().item() for x, y in valid)
    print(f"epoch {epoch} {right / 597:.4f}")
