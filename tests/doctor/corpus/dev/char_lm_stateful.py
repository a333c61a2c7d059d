import inspect, string, torch
from torch import nn
torch.manual_seed(0)
text = inspect.getsource(string)[:9000]
chars = sorted(set(text)); ids = torch.tensor([chars.index(c) for c in text])
B, T = 8, 32
n = len(ids) // B
data = ids[:n * B].view(B, n)
emb, rnn, out = nn.Embedding(len(chars), 32), nn.LSTM(32, 96, batch_first=True), nn.Linear(96, len(chars))
params = [*emb.parameters(), *rnn.parameters(), *out.parameters()]
opt = torch.optim.Adam(params, lr=4e-3)
cut = int(0.85 * n)
for epoch in range(6):
    state = None
    for i in range(0, cut - T - 1, T):
        x, y = data[:, i:i + T], data[:, i + 1:i + T + 1]
        h, state = rnn(emb(x), state)
        state = tuple(s.detach() for s in state)
        loss = nn.functional.cross_entropy(out(h).transpose(1, 2), y)
        opt.zero_grad(); loss.backward()
        nn.utils.clip_grad_norm_(params, 1.0)
        opt.step()
    with torch.no_grad():
        h, _ = rnn(emb(data[:, cut:-1]))
        held = nn.functional.cross_entropy(out(h).transpose(1, 2), data[:, cut + 1:])
    print(epoch, loss.item(), held.item())
