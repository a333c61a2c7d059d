"""Faces of a sort: a new shot is matched against the shots that everybody was enrolled with."""
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
import torch.nn.functional as F

torch.manual_seed(11)
PEOPLE, SHOTS, DIM = 30, 12, 24
centres = torch.randn(PEOPLE, DIM)
mix = torch.randn(DIM, 40)
def shots(n):
    who = torch.arange(PEOPLE).repeat_interleave(n)
    return torch.tanh((centres[who] + 0.55 * torch.randn(PEOPLE * n, DIM)) @ mix / DIM ** 0.5), who
enrolled, names = shots(SHOTS)
probes, probe_names = shots(4)
net = nn.Sequential(nn.Linear(40, 96), nn.ReLU(), nn.Linear(96, 32))
proxies = nn.Parameter(torch.randn(PEOPLE, 32) * 0.1)
opt = torch.optim.Adam([*net.parameters(), proxies], lr=2e-3)
loader = DataLoader(TensorDataset(enrolled, names), batch_size=36, shuffle=True)
for epoch in range(25):
    net.train()
    for x, y in loader:
        logits = 12 * F.normalize(net(x), dim=1) @ F.normalize(proxies, dim=1).T
        loss = F.cross_entropy(logits, y)
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 5 == 4:
        net.eval()
        with torch.no_grad():
            gallery = F.normalize(net(enrolled), dim=1)
            queries = F.normalize(net(probes), dim=1)
            nearest = (queries @ gallery.T).argmax(1)
            hit = (names[nearest] == probe_names).float().mean()
        print(f"epoch {epoch + 1} rank-1 {hit:.3f}")
