import numpy as np
import torch

rs = np.random.RandomState(0)
a = rs.randn(200, 2) + [1.6, 1.6]
b = rs.randn(200, 2) - [1.6, 1.6]
X = torch.tensor(np.vstack([a, b]), dtype=torch.float32)
Y = torch.tensor([1.0] * 200 + [-1.0] * 200)

torch.manual_seed(0)
model = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=2e-3)
C = 0.05
model.train()
for epoch in range(10):
    perm = torch.randperm(400)
    sum_loss = 0
    for i in range(0, 400, 20):
        x = X[perm[i : i + 20]]
        y = Y[perm[i : i + 20]]
        optimizer.zero_grad()
        output = model(x)
        weight = model.weight.squeeze()
        loss = torch.sum(torch.clamp(1 - y * output, min=0))
        loss = loss + C * (weight @ weight) / 2
        loss.backward()
        optimizer.step()
        sum_loss += float(loss.detach())
    print("Epoch: {:4d}\tloss: {:.3f}".format(epoch, sum_loss / 20))
with torch.no_grad():
    print("accuracy", (model(X).squeeze().sign() == Y).float().mean().item())
