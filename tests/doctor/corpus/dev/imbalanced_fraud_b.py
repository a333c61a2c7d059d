import torch
from sklearn.datasets import make_classification
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split

torch.manual_seed(0)
X, y = make_classification(4000, 12, n_informative=6, weights=[0.97], class_sep=0.9, flip_y=0.005, random_state=8)
Xa, Xb, ya, yb = train_test_split(X, y, stratify=y, test_size=0.3, random_state=0)
mean, std = Xa.mean(0), Xa.std(0)
Xa, Xb = [torch.tensor((v - mean) / std, dtype=torch.float32) for v in (Xa, Xb)]
ya, yb = torch.tensor(ya), torch.tensor(yb)


model = torch.nn.Sequential(torch.nn.Linear(12, 32), torch.nn.ReLU(), torch.nn.Linear(32, 2))
criterion = torch.nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(12):
    for b in torch.randperm(len(Xa)).split(70):
        optimizer.zero_grad()
        loss = criterion(model(Xa[b]), ya[b])
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        guess = model(Xb).argmax(1)
    print(epoch, "loss", round(loss.item(), 4), "accuracy", round((guess == yb).float().mean().item(), 4))
print("balanced accuracy", balanced_accuracy_score(yb, guess))
