import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
torch.manual_seed(0)
d = load_digits(); X = torch.tensor(d.data, dtype=torch.float32) / 16; y = torch.tensor(d.target)
p = torch.randperm(len(X)); X, y = X[p], y[p]
class MLP(nn.Module):
    def __init__(self, w):
        super().__init__()
        self.a, self.b = nn.Linear(64, w), nn.Linear(w, 10)
    def forward(self, x):
        h = F.relu(self.a(x))
        return self.b(h), h
teacher, student, lift = MLP(200), MLP(16), nn.Linear(16, 200)
opt = torch.optim.Adam(teacher.parameters(), 2e-3)
for _ in range(10):
    for i in torch.randperm(1400).split(100):
        loss = F.cross_entropy(teacher(X[i])[0], y[i]); opt.zero_grad(); loss.backward(); opt.step()
teacher.eval()
opt = torch.optim.Adam([*student.parameters(), *lift.parameters()], 4e-3)
T = 3.0
for e in range(20):
    for i in torch.randperm(1400).split(100):
        with torch.no_grad(): tz, th = teacher(X[i])
        sz, sh = student(X[i])
        loss = T * T * F.kl_div((sz / T).log_softmax(1), (tz / T).softmax(1), reduction="batchmean") + 0.1 * F.mse_loss(lift(sh), th)
        opt.zero_grad(); loss.backward(); opt.step()
student.eval()
print("student", (student(X[1400:])[0].argmax(1) == y[1400:]).float().mean().item())
