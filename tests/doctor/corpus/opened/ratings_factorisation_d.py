import numpy as np
import torch
import torch.nn as nn

rng = np.random.RandomState(66)
torch.manual_seed(66)
n_users, n_items, n_ratings, k = 300, 200, 15000, 4
u_true, v_true = rng.normal(0, 0.6, (n_users, k)), rng.normal(0, 0.6, (n_items, k))
user_bias, item_bias = rng.normal(0, 0.4, n_users), rng.normal(0, 0.4, n_items)
users = rng.randint(0, n_users, n_ratings)
items = rng.randint(0, n_items, n_ratings)
ratings = 3.5 + user_bias[users] + item_bias[items] + (u_true[users] * v_true[items]).sum(1) + rng.normal(0, 0.3, n_ratings)
ratings = ratings.clip(1, 5)

users, items = torch.from_numpy(users), torch.from_numpy(items)
ratings = torch.tensor(ratings, dtype=torch.float32)
cut = int(0.85 * n_ratings)


class MatrixFactorization(nn.Module):
    def __init__(self, n_users, n_items, dim, mean):
        super().__init__()
        self.user_factors = nn.Embedding(n_users, dim)
        self.item_factors = nn.Embedding(n_items, dim)
        self.user_bias = nn.Embedding(n_users, 1)
        self.item_bias = nn.Embedding(n_items, 1)
        self.register_buffer("mean", torch.tensor(mean))
        nn.init.normal_(self.user_factors.weight, std=0.1)
        nn.init.normal_(self.item_factors.weight, std=0.1)
        nn.init.zeros_(self.user_bias.weight)
        nn.init.zeros_(self.item_bias.weight)

    def forward(self, u, i):
        dot = (self.user_factors(u) * self.item_factors(i)).sum(1, keepdim=True)
        return (self.mean + dot + self.user_bias(u) + self.item_bias(i)).squeeze(1)


model = MatrixFactorization(n_users, n_items, 6, ratings[:cut].mean().item())
loss_fn = nn.MSELoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=30)

for epoch in range(25):
    order = torch.randperm(cut)
    train_loss = 0.0
    for idx in order.split(256):
        pred = model(users[idx], items[idx])
        loss = loss_fn(pred, ratings[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        train_loss += loss.item() * len(idx)
    with torch.no_grad():
        rmse = loss_fn(model(users[cut:], items[cut:]), ratings[cut:]).sqrt().item()
    print(f"epoch {epoch + 1:2d}: train rmse {(train_loss / cut) ** 0.5:.4f}, held-out rmse {rmse:.4f}")
