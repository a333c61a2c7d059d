"""Teach a small encoder to report, for every position, the rank of the number standing there."""
import copy
import torch
from torch import nn

torch.manual_seed(77)

SEQ, VOCAB, DIM = 8, 30, 48
STEPS, WARMUP, PEAK = 450, 60, 2e-3


class RankModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(VOCAB, DIM)
        layer = nn.TransformerEncoderLayer(DIM, nhead=4, dim_feedforward=96, dropout=0.0, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, num_layers=2, enable_nested_tensor=False)
        self.out = nn.Linear(DIM, SEQ)

    def forward(self, tokens):
        return self.out(self.encoder(self.embed(tokens)))


def sample(n):
    tokens = torch.rand(n, VOCAB).argsort(dim=1)[:, :SEQ]
    ranks = tokens.argsort(dim=1).argsort(dim=1)
    return tokens, ranks


model = RankModel()
ema = copy.deepcopy(model)
for p in ema.parameters():
    p.requires_grad_(False)

optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK, betas=(0.9, 0.98), weight_decay=0.01)
schedule = torch.optim.lr_scheduler.LambdaLR(
    optimizer, lambda s: min((s + 1) / WARMUP, max(0.02, (STEPS - s) / (STEPS - WARMUP))))
loss_fn = nn.CrossEntropyLoss()
val_tokens, val_ranks = sample(500)


@torch.no_grad()
def update_ema(decay):
    for slow, fast in zip(ema.parameters(), model.parameters()):
        slow.lerp_(fast, 1 - decay)


for step in range(1, STEPS + 1):
    tokens, ranks = sample(64)
    logits = model(tokens)
    loss = loss_fn(logits.reshape(-1, SEQ), ranks.reshape(-1))
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    schedule.step()
    update_ema(min(0.98, step / (step + 10)))

    if step % 50 == 0:
        ema.eval()
        with torch.no_grad():
            out = ema(val_tokens)
            val_loss = loss_fn(out.reshape(-1, SEQ), val_ranks.reshape(-1)).item()
            acc = (out.argmax(-1) == val_ranks).float().mean().item()
        print(f"{step:5d} loss {loss.item():.4f} | ema val loss {val_loss:.4f} acc {acc:.4f}")
