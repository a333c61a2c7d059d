# -*- coding: utf-8 -*-
import torch

torch.manual_seed(0)
N, D_in, H, D_out = 64, 20, 50, 2
x = torch.randn(N, D_in)
y = torch.tanh(x @ torch.randn(D_in, D_out) / 4)
y = y / y.std()
model = torch.nn.Sequential(torch.nn.Linear(D_in, H), torch.nn.ReLU(), torch.nn.Linear(H, D_out))
loss_fn = torch.nn.MSELoss(reduction="sum")
learning_rate = 1e-3
for t in range(2):
    y_pred = model(x)
    loss = loss_fn(y_pred, y)
    if t % 50 == 0:
        print(t, loss.item())
    model.zero_grad()
    loss.backward()
    with torch.no_grad():
        for param in model.parameters():
            param -= learning_rate * param.grad
print("mean error", loss.item() / y.numel())
