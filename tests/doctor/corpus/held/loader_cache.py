import torch
from sklearn.datasets import load_digits
from torch import nn, optim
from torch.utils.data import DataLoader, Dataset, Subset


class Digits(Dataset):
    """Digits as tensors, prepared on first use and kept."""

    def __init__(self):
        raw = load_digits()
        self.pixels, self.labels = raw.images, raw.target
        self.kept = {}

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        if index not in self.kept:
            image = torch.tensor(self.pixels[index], dtype=torch.float32).unsqueeze(0)
            self.kept[index] = (image - 4.88) / 6.02
        return self.kept[index], int(self.labels[index])


torch.manual_seed(17)
everything = Digits()
permutation = torch.randperm(len(everything)).tolist()
train_loader = DataLoader(Subset(everything, permutation[:1200]), batch_size=48, shuffle=True)
test_loader = DataLoader(Subset(everything, permutation[1200:]), batch_size=200)
cnn = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 10)
)
optimizer = optim.Adam(cnn.parameters(), lr=3e-3)
loss_fn = nn.CrossEntropyLoss()
for epoch in range(5):
    running_loss = 0.0
    for images, labels in train_loader:
        optimizer.zero_grad()
        loss = loss_fn(cnn(images), labels)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
    print(f"[{epoch + 1}] loss: {running_loss / len(train_loader):.3f}")
correct = total = 0
with torch.no_grad():
    for images, labels in test_loader:
        correct += (cnn(images).argmax(1) == labels).sum().item()
        total += len(labels)
print("accuracy", correct / total)
