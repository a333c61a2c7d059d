# predict disease progression, standardised both sides
import torch
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split

torch.manual_seed(3)
data, target = load_diabetes(return_X_y=True, scaled=False)
xtr, xva, ytr, yva = train_test_split(data, target, test_size=0.25, random_state=3)
mu, sd = xtr.mean(0), xtr.std(0)
xtr = torch.from_numpy((xtr - mu) / sd).float()
xva = torch.from_numpy((xva - mu) / sd).float()
ymu, ysd = ytr.mean(), ytr.std()
ytr = torch.from_numpy((ytr - ymu) / ysd).float()
yva = torch.from_numpy((yva - ymu) / ysd).float()

model = torch.nn.Sequential(
    torch.nn.Linear(10, 16),
    torch.nn.Tanh(),
    torch.nn.Linear(16, 1),
)
mse = torch.nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, weight_decay=1e-3)
for step in range(200):
    batch = torch.randint(0, len(xtr), (64,))
    prediction = model(xtr[batch])
    loss = mse(prediction, ytr[batch])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 20 == 19:
        with torch.no_grad():
            print(step + 1, "train", loss.item(), "val", mse(model(xva), yva).item())
with torch.no_grad():
    print("final val mse", mse(model(xva), yva).item())
