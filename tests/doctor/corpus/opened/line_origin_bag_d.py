"""Guess from which standard module a line of code was taken (bag of hashed tokens)."""
import re
import sysconfig
import zlib
from pathlib import Path

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(64)
LIB = Path(sysconfig.get_paths()["stdlib"])
MODULES = ["argparse.py", "tarfile.py", "typing.py", "turtle.py"]
BUCKETS = 2000
LINES_PER_MODULE = 700


def tokenize(line):
    return [zlib.crc32(tok.encode()) % BUCKETS for tok in re.findall(r"\w+|[^\w\s]", line)]


class LineDataset(Dataset):
    def __init__(self, part):
        self.samples = []
        for label, module in enumerate(MODULES):
            lines = [ln.strip() for ln in (LIB / module).read_text().splitlines()]
            lines = [ln for ln in lines if len(tokenize(ln)) >= 5][:LINES_PER_MODULE]
            for i, line in enumerate(lines):
                if (i % 5 == 0) == (part == "test"):
                    self.samples.append((tokenize(line), label))

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, i):
        return self.samples[i]


def collate(batch):
    tokens, offsets, labels = [], [], []
    for toks, label in batch:
        offsets.append(len(tokens))
        tokens.extend(toks)
        labels.append(label)
    return torch.tensor(tokens), torch.tensor(offsets), torch.tensor(labels)


class TextClassificationModel(nn.Module):
    def __init__(self, vocab_size, embed_dim, num_class):
        super().__init__()
        self.embedding = nn.EmbeddingBag(vocab_size, embed_dim)
        self.dropout = nn.Dropout(0.5)
        self.fc = nn.Linear(embed_dim, num_class)

    def forward(self, text, offsets):
        return nn.functional.softmax(self.fc(self.dropout(self.embedding(text, offsets))), dim=-1)


train_dataset, test_dataset = LineDataset("train"), LineDataset("test")
train_dataloader = DataLoader(train_dataset, batch_size=32, shuffle=True, collate_fn=collate)
test_dataloader = DataLoader(test_dataset, batch_size=128, shuffle=False, collate_fn=collate)
model = TextClassificationModel(BUCKETS, 32, len(MODULES))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1.5e-2)


def train(dataloader):
    model.train()
    total_loss, total_count = 0, 0
    for text, offsets, label in dataloader:
        optimizer.zero_grad()
        predicted = model(text, offsets)
        loss = criterion(predicted, label)
        loss.backward()
        optimizer.step()
        total_loss += loss.item() * len(label)
        total_count += len(label)
    return total_loss / total_count


def evaluate(dataloader):
    model.eval()
    total_acc, total_loss, total_count = 0, 0, 0
    with torch.no_grad():
        for text, offsets, label in dataloader:
            predicted = model(text, offsets)
            total_loss += criterion(predicted, label).item() * len(label)
            total_acc += (predicted.argmax(1) == label).sum().item()
            total_count += len(label)
    return total_loss / total_count, total_acc / total_count


for epoch in range(1, 8):
    train_loss = train(train_dataloader)
    test_loss, test_acc = evaluate(test_dataloader)
    print("| epoch {:2d} | train loss {:.4f} | test loss {:.4f} | accuracy {:.4f}".format(
        epoch, train_loss, test_loss, test_acc))
