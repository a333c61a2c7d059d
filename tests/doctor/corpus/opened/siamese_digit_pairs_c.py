import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Dataset

rng = np.random.default_rng(12)
torch.manual_seed(12)


class PairDataset(Dataset):
    """Pairs of digit images; the label is 1 when both show the same digit."""

    def __init__(self, images, targets, n_pairs):
        self.images = images
        by_class = [np.flatnonzero(targets == c) for c in range(10)]
        self.pairs, self.same = [], []
        for k in range(n_pairs):
            a = int(rng.integers(len(targets)))
            if k % 2 == 0:
                b = int(rng.choice(by_class[targets[a]]))
            else:
                b = int(rng.choice(np.flatnonzero(targets != targets[a])))
            self.pairs.append((a, b))
            self.same.append(float(k % 2 == 0))
        rng.shuffle(self.pairs)

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, i):
        a, b = self.pairs[i]
        return self.images[a], self.images[b], torch.tensor(self.same[i])


class EmbeddingNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(1, 16, 3), nn.PReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 2), nn.PReLU())
        self.fc = nn.Sequential(nn.Dropout(0.2), nn.Linear(32 * 4, 64), nn.PReLU(), nn.Linear(64, 16))

    def forward(self, x):
        return self.fc(self.conv(x).flatten(1))


class SiameseNet(nn.Module):
    def __init__(self, embedding_net):
        super().__init__()
        self.embedding_net = embedding_net

    def forward(self, x1, x2):
        return self.embedding_net(x1), self.embedding_net(x2)


def contrastive_loss(e1, e2, same, margin=1.5):
    d = F.pairwise_distance(e1, e2)
    return (same * d.pow(2) + (1 - same) * F.relu(margin - d).pow(2)).mean()


bunch = load_digits()
order = rng.permutation(len(bunch.target))
labels = bunch.target[order]
images = torch.tensor(bunch.images[order], dtype=torch.float32).unsqueeze(1) / 16
images = (images - images[:1200].mean()) / images[:1200].std()
train_pairs = PairDataset(images[:1200], labels[:1200], 5000)
test_pairs = PairDataset(images[1200:], labels[1200:], 1000)
train_loader = DataLoader(train_pairs, batch_size=64, shuffle=True)
test_loader = DataLoader(test_pairs, batch_size=250)

model = SiameseNet(EmbeddingNet())
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 4, gamma=0.3)

for epoch in range(10):
    model.train()
    train_loss = 0
    for x1, x2, same in train_loader:
        optimizer.zero_grad()
        loss = contrastive_loss(*model(x1, x2), same)
        loss.backward()
        optimizer.step()
        train_loss += loss.item()
    scheduler.step()

    model.eval()
    right, test_loss = 0, 0
    with torch.no_grad():
        for x1, x2, same in test_loader:
            e1, e2 = model(x1, x2)
            test_loss += contrastive_loss(e1, e2, same).item()
            right += ((F.pairwise_distance(e1, e2) < 0.75).float() == same).sum().item()
    print(f"Epoch {epoch + 1}: loss {train_loss / len(train_loader):.4f} "
          f"test loss {test_loss / len(test_loader):.4f} pair accuracy {right / len(test_pairs):.4f}")
