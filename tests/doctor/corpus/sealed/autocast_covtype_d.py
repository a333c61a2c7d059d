"""bf16 autocast on the CPU: residual MLP for a tabular problem with seven classes."""
import torch
from torch import nn
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

torch.manual_seed(23)
X, y = make_classification(9000, 24, n_informative=12, n_redundant=4, n_classes=7, n_clusters_per_class=2, class_sep=1.6, flip_y=0.02, random_state=23)
X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=0.25, random_state=0)
mean, std = X_train.mean(0), X_train.std(0)
X_train, X_val = (torch.tensor((a - mean) / std, dtype=torch.float32) for a in (X_train, X_val))
y_train, y_val = torch.tensor(y_train), torch.tensor(y_val)


class Residual(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.norm = nn.BatchNorm1d(dim)
        self.up = nn.Linear(dim, 2 * dim)
        self.down = nn.Linear(2 * dim, dim)
        self.drop = nn.Dropout(0.95)

    def forward(self, x):
        return x + self.down(self.drop(torch.relu(self.up(self.norm(x)))))


net = nn.Sequential(nn.Linear(24, 48), Residual(48), Residual(48), nn.BatchNorm1d(48), nn.ReLU(), nn.Linear(48, 7))
opt = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=3.0)
epochs, batch = 10, 128
sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=5e-3, total_steps=epochs * (-(-len(X_train) // batch)))
for epoch in range(epochs):
    net.train()
    for rows in torch.randperm(len(X_train)).split(batch):
        opt.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = net(X_train[rows])
        loss = nn.functional.cross_entropy(logits.float(), y_train[rows])
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        opt.step()
        sched.step()
    net.eval()
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        tr, va = net(X_train).float(), net(X_val).float()
    ltr, lva = nn.functional.cross_entropy(tr, y_train).item(), nn.functional.cross_entropy(va, y_val).item()
    acc = (va.argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch:2d} train {ltr:.4f} val {lva:.4f} accuracy {acc:.4f}")
print(f"val accuracy {acc:.4f}")
