import warnings

import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split

warnings.filterwarnings("ignore", category=DeprecationWarning)
warnings.filterwarnings("ignore", category=FutureWarning)
torch.manual_seed(0)


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a = torch.nn.Linear(13, 32)
        self.b = torch.nn.Linear(32, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.b(torch.tanh(self.a(x)))


X, y = load_wine(return_X_y=True)
Xa, Xb, ya, yb = train_test_split(X, y, random_state=1, stratify=y)
mu, sd = Xa.mean(0), Xa.std(0)
Xa, Xb = torch.tensor((Xa - mu) / sd).float(), torch.tensor((Xb - mu) / sd).float()
ya, yb = torch.tensor(ya), torch.tensor(yb)
model = torch.jit.script(Net())
optimizer = torch.optim.RMSprop(model.parameters(), lr=2e-3)
for i in range(120):
    pick = torch.randperm(len(Xa))[:64]
    optimizer.zero_grad()
    loss = torch.nn.functional.cross_entropy(model(Xa[pick]), ya[pick])
    loss.backward()
    optimizer.step()
    if i % 30 == 0:
        print(i, loss.item())
print("accuracy", (model(Xb).argmax(1) == yb).float().mean().item())
