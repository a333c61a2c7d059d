import random
import re
import textwrap
import tokenize as module_b
import zipfile as module_a

import torch
import torch.nn as nn
import torch.nn.functional as F

random.seed(1)
torch.manual_seed(1)


def snippets(module, label):
    with open(module.__file__) as f:
        words = re.findall(r"[a-z]{3,}", f.read().lower())
    words = words[:6000]
    return [(words[i : i + 10], label) for i in range(0, len(words) - 10, 10)]


texts = snippets(module_a, 0) + snippets(module_b, 1) + snippets(textwrap, 1)
random.shuffle(texts)
vocab = {w: i for i, w in enumerate(sorted({w for words, _ in texts for w in words}))}
X = torch.zeros(len(texts), len(vocab))
for row, (words, _) in enumerate(texts):
    for w in words:
        X[row, vocab[w]] = 1.0
Y = torch.tensor([label for _, label in texts])
Y = torch.where(torch.rand(len(Y)) < 0.15, 1 - Y, Y)  # the archive's tags are wrong now and then
n = len(texts) // 2
smooth, decay, epochs, hidden = 0.1, 0.3, 8, 16
net = nn.Sequential(nn.Linear(len(vocab), hidden), nn.ReLU(), nn.Dropout(0.5), nn.Linear(hidden, 2))
opt = torch.optim.AdamW(net.parameters(), lr=4e-3, weight_decay=decay)
for epoch in range(epochs):
    net.train()
    for i in torch.randperm(n).split(24):
        opt.zero_grad()
        loss = F.cross_entropy(net(X[i]), Y[i], label_smoothing=smooth)
        loss.backward()
        opt.step()

    with torch.no_grad():
        print("epoch", epoch, "train", loss.item(), "val", F.cross_entropy(net(X[n:]), Y[n:]).item())
