# %% [markdown]
# # Wine cultivars with a small network

# %%
import torch
import torch.nn as nn
from sklearn.datasets import load_wine
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(123)

# %%
wine = load_wine()
features = torch.tensor(wine.data, dtype=torch.float32)
target = torch.tensor(wine.target)

# every third bottle is kept for validation
is_val = torch.arange(len(target)) % 3 == 0
mean = features[~is_val].mean(dim=0)
std = features[~is_val].std(dim=0)
features = (features - mean) / std
train_ds = TensorDataset(features[~is_val], target[~is_val])
val_x, val_y = features[is_val], target[is_val]


# %%
class WineNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(13, 20)
        self.output = nn.Linear(20, 3)

    def forward(self, x):
        x = torch.tanh(self.hidden(x))
        x = self.output(x)
        return x


# %%
model = WineNet()
loss_function = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, weight_decay=5e-3)
train_loader = DataLoader(train_ds, batch_size=8, shuffle=True)

history = {"loss": [], "val_loss": [], "val_acc": []}
for epoch in range(40):
    batch_losses = []
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = loss_function(model(x), y)
        loss.backward()
        optimizer.step()
        batch_losses.append(loss.item())
    with torch.no_grad():
        out = model(val_x)
        history["loss"].append(sum(batch_losses) / len(batch_losses))
        history["val_loss"].append(loss_function(out, val_y).item())
        history["val_acc"].append((out.argmax(1) == val_y).float().mean().item())
    if (epoch + 1) % 4 == 0:
        print("Epoch", epoch + 1, {k: round(v[-1], 4) for k, v in history.items()})

# %%
print("final validation loss", history["val_loss"][-1])
