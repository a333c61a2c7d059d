"""Which of two markers comes last in a sequence of varying length?"""
import random

import torch
import torch.nn as nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence
from torch.utils.data import DataLoader, Dataset

random.seed(10)
torch.manual_seed(10)
PAD, VOCAB = 0, 20


class MarkerDataset(Dataset):
    def __init__(self, n):
        self.items = []
        for i in range(n):
            length = random.randint(6, 20)
            seq = [random.randint(4, VOCAB - 1) for _ in range(length)]
            first, second = sorted(random.sample(range(length), 2))
            label = i * 3 // n
            if label == 0:
                seq[first], seq[second] = 1, 2
            elif label == 1:
                seq[first], seq[second] = 2, 1
            else:
                seq[first], seq[second] = 3, 3
            self.items.append((torch.tensor(seq), label))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


def collate(batch):
    batch = sorted(batch, key=lambda item: len(item[0]), reverse=True)
    seqs = [seq for seq, _ in batch]
    labels = torch.tensor([label for _, label in batch])
    lengths = torch.tensor([len(s) for s in seqs])
    return pad_sequence(seqs, batch_first=True, padding_value=PAD), lengths, labels


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(VOCAB, 16, padding_idx=PAD)
        self.gru = nn.GRU(16, 32, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(64, 3)

    def forward(self, seqs, lengths):
        packed = pack_padded_sequence(self.emb(seqs), lengths, batch_first=True)
        _, hidden = self.gru(packed)
        hidden = hidden.reshape(len(lengths), -1)
        return self.fc(hidden)


train_data, valid_data = MarkerDataset(1800), MarkerDataset(600)
train_loader = DataLoader(train_data, batch_size=48, shuffle=True, collate_fn=collate)
valid_loader = DataLoader(valid_data, batch_size=100, collate_fn=collate)

model = Tagger()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
criterion = nn.CrossEntropyLoss()

for epoch in range(7):
    model.train()
    total_loss = 0
    for seqs, lengths, labels in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(seqs, lengths), labels)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        total_loss += loss.item()
    model.eval()
    correct, val_loss = 0, 0
    with torch.no_grad():
        for seqs, lengths, labels in valid_loader:
            out = model(seqs, lengths)
            val_loss += criterion(out, labels).item()
            correct += (out.argmax(1) == labels).sum().item()
    print(f"Epoch: {epoch + 1:02} | Train Loss: {total_loss / len(train_loader):.3f} | "
          f"Val. Loss: {val_loss / len(valid_loader):.3f} | Val. Acc: {correct / len(valid_data):.4f}")
