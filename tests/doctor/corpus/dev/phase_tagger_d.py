import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset


def sequences(count, length, seed):
    g = torch.Generator().manual_seed(seed)
    flips = torch.rand(count, length, generator=g) < 0.25
    state = flips.cumsum(1) % 3
    seen = torch.nn.functional.one_hot(flips.long(), 2).float()
    start = torch.zeros(count, length, 1)
    return torch.cat([seen, start + 0.1 * torch.randn(count, length, 1, generator=g)], 2), state


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(3, 32, batch_first=True)
        self.tag = nn.Linear(32, 3)

    def forward(self, seen):
        hidden, _ = self.rnn(seen)
        return self.tag(hidden)


def score(model, seen, state):
    with torch.no_grad():
        return (model(seen).argmax(-1) == state).float().mean().item()


def main():
    torch.manual_seed(3)
    seen, state = sequences(900, 14, 1)
    check_seen, check_state = sequences(300, 14, 2)
    batches = DataLoader(TensorDataset(seen, state[torch.randperm(900)]), batch_size=45, shuffle=True)
    model = Tagger()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for epoch in range(10):
        for inputs, tags in batches:
            logits = model(inputs)
            loss = nn.functional.cross_entropy(logits.transpose(1, 2), tags)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        print("epoch %d loss %.3f accuracy %.4f" % (epoch, loss.item(), score(model, check_seen, check_state)))


main()
