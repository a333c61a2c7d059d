"""A very small GPT on characters of the standard library. Everything in one file, no config files."""
import os, math
import torch
import torch.nn as nn
from torch.nn import functional as F

# ---- hyperparameters
batch_size = 24
block_size = 32
max_iters = 500
eval_interval = 50
eval_iters = 8
warmup_iters = 40
learning_rate = 4e-3
min_lr = 2e-4
n_embd = 48
n_head = 4
n_layer = 2
dropout = 0.0
# ----
torch.manual_seed(1337)

lib = os.path.dirname(os.__file__)
text = ''.join(open(os.path.join(lib, f), encoding='utf-8').read()
               for f in ['textwrap.py', 'shlex.py', 'csv.py', 'cmd.py', 'heapq.py', 'bisect.py'])
text = ''.join(c for c in text if ord(c) < 128)
chars = sorted(set(text))
vocab_size = len(chars)
stoi = {c: i for i, c in enumerate(chars)}
data = torch.tensor([stoi[c] for c in text])
# every tenth block of 1000 characters is held out
blocks = data[: len(data) // 1000 * 1000].view(-1, 1000)
held = torch.arange(len(blocks)) % 10 == 5
splits = {'train': blocks[~held], 'val': blocks[held]}


def get_batch(split):
    d = splits[split]
    row = torch.randint(len(d), (batch_size,))
    col = torch.randint(1000 - block_size - 1, (batch_size,))
    x = torch.stack([d[r, c:c + block_size] for r, c in zip(row, col)])
    y = torch.stack([d[r, c + 1:c + block_size + 1] for r, c in zip(row, col)])
    return x, y


class CausalSelfAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.c_attn = nn.Linear(n_embd, 3 * n_embd)
        self.c_proj = nn.Linear(n_embd, n_embd)
        self.register_buffer('bias', torch.tril(torch.ones(block_size, block_size)).view(1, 1, block_size, block_size))

    def forward(self, x):
        B, T, C = x.size()
        q, k, v = self.c_attn(x).split(n_embd, dim=2)
        k = k.view(B, T, n_head, C // n_head).transpose(1, 2)
        q = q.view(B, T, n_head, C // n_head).transpose(1, 2)
        v = v.view(B, T, n_head, C // n_head).transpose(1, 2)
        att = (q @ k.transpose(-2, -1)) / math.sqrt(k.size(-1))
        att = F.softmax(att, dim=-1)
        y = (att @ v).transpose(1, 2).contiguous().view(B, T, C)
        return self.c_proj(y)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln_1 = nn.LayerNorm(n_embd)
        self.attn = CausalSelfAttention()
        self.ln_2 = nn.LayerNorm(n_embd)
        self.mlp = nn.Sequential(nn.Linear(n_embd, 4 * n_embd), nn.GELU(), nn.Linear(4 * n_embd, n_embd))

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    def __init__(self):
        super().__init__()
        self.wte = nn.Embedding(vocab_size, n_embd)
        self.wpe = nn.Embedding(block_size, n_embd)
        self.h = nn.ModuleList([Block() for _ in range(n_layer)])
        self.ln_f = nn.LayerNorm(n_embd)
        self.lm_head = nn.Linear(n_embd, vocab_size, bias=False)
        self.apply(self._init)

    def _init(self, m):
        if isinstance(m, (nn.Linear, nn.Embedding)):
            nn.init.normal_(m.weight, std=0.05)
        if isinstance(m, nn.Linear) and m.bias is not None:
            nn.init.zeros_(m.bias)

    def forward(self, idx, targets=None):
        x = self.wte(idx) + self.wpe(torch.arange(idx.size(1)))
        for block in self.h:
            x = block(x)
        logits = self.lm_head(self.ln_f(x))
        loss = None
        if targets is not None:
            loss = F.cross_entropy(logits.view(-1, vocab_size), targets.reshape(-1))
        return logits, loss


def get_lr(it):
    if it < warmup_iters:
        return learning_rate * (it + 1) / warmup_iters
    ratio = (it - warmup_iters) / (max_iters - warmup_iters)
    return min_lr + 0.5 * (1 + math.cos(math.pi * ratio)) * (learning_rate - min_lr)


@torch.no_grad()
def estimate_loss():
    out = {}
    model.eval()
    for split in ['train', 'val']:
        out[split] = sum(model(*get_batch(split))[1].item() for _ in range(eval_iters)) / eval_iters
    model.train()
    return out


model = GPT()
optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, betas=(0.9, 0.95), weight_decay=0.01)
for it in range(max_iters):
    for group in optimizer.param_groups:
        group['lr'] = get_lr(it)
    if it % eval_interval == 0:
        losses = estimate_loss()
        print(f"iter {it}: train {losses['train']:.3f}, val {losses['val']:.3f}")
    xb, yb = get_batch('train')
    _, loss = model(xb, yb)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()

eval_iters = 30
losses = estimate_loss()
print(f"train {losses['train']:.3f}, val {losses['val']:.3f}")
