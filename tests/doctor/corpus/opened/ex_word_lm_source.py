"""After the "word_language_model" example of pytorch/examples, on the words of Python's own source."""
import collections
import math
import re
import sysconfig
from pathlib import Path

import torch
from torch import nn

torch.manual_seed(1111)
WIDTH, LAYERS, BPTT, CLIP, EPOCHS = 64, 1, 20, 0.25, 8

source = "".join((Path(sysconfig.get_paths()["stdlib"]) / f).read_text() for f in ("tarfile.py", "optparse.py"))
words = re.findall(r"\w+|[^\w\s]|\n", source)
common = [w for w, _ in collections.Counter(words).most_common(500)]
number = {w: i + 1 for i, w in enumerate(common)}
stream = torch.tensor([number.get(w, 0) for w in words])
# every fifth stretch of 500 words is kept for validation
stretches = stream[: len(stream) // 500 * 500].view(-1, 500)
is_val = torch.arange(len(stretches)) % 5 == 4


def columns(data, n):
    length = len(data) // n
    return data[: n * length].view(n, length).T.contiguous()


train_data = columns(stretches[~is_val].flatten(), 16)
val_data = columns(stretches[is_val].flatten(), 10)


class LanguageModel(nn.Module):
    def __init__(self, vocabulary):
        super().__init__()
        self.vocabulary = vocabulary
        self.drop = nn.Dropout(0.2)
        self.encoder = nn.Embedding(vocabulary, WIDTH)
        self.rnn = nn.LSTM(WIDTH, WIDTH, LAYERS)
        self.decoder = nn.Linear(WIDTH, vocabulary)
        self.decoder.weight = self.encoder.weight
        nn.init.uniform_(self.encoder.weight, -0.1, 0.1)
        nn.init.zeros_(self.decoder.bias)

    def forward(self, words, state):
        output, state = self.rnn(self.drop(self.encoder(words)), state)
        return torch.log_softmax(self.decoder(self.drop(output)).flatten(0, 1), dim=1), state

    def first_state(self, n):
        return torch.zeros(LAYERS, n, WIDTH), torch.zeros(LAYERS, n, WIDTH)


model = LanguageModel(len(common) + 1)
criterion = nn.NLLLoss()


def pieces(data):
    for start in range(0, len(data) - 1, BPTT):
        end = min(start + BPTT, len(data) - 1)
        yield data[start:end], data[start + 1:end + 1].flatten()


def evaluate(data):
    model.eval()
    total, state = 0.0, model.first_state(data.size(1))
    with torch.no_grad():
        for words, following in pieces(data):
            output, state = model(words, state)
            total += len(words) * criterion(output, following).item()
    return total / (len(data) - 1)


def train(lr):
    model.train()
    total, state = 0.0, model.first_state(train_data.size(1))
    for words, following in pieces(train_data):
        model.zero_grad()
        state = tuple(part.detach() for part in state)
        output, state = model(words, state)
        loss = criterion(output, following)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        for parameter in model.parameters():
            parameter.data.add_(parameter.grad, alpha=-lr)
        total += len(words) * loss.item()
    return total / (len(train_data) - 1)


lr, best = 20.0, math.inf
for epoch in range(1, EPOCHS + 1):
    train_loss, val_loss = train(lr), evaluate(val_data)
    print(f"epoch {epoch} lr {lr:.2f} train {train_loss:.3f} perplexity {math.exp(val_loss):.1f} val {val_loss:.4f}")
    if val_loss < best:
        best = val_loss
    else:
        lr /= 4
