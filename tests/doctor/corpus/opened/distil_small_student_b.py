import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.manual_seed(8)
X, y = load_digits(return_X_y=True)
X = (X - 4.9) / 6.0
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.4, random_state=8)
X_train = torch.tensor(X_train, dtype=torch.float32)
X_test = torch.tensor(X_test, dtype=torch.float32)
y_train, y_test = torch.tensor(y_train), torch.tensor(y_test)


class Teacher(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(64, 200), nn.ReLU(), nn.Dropout(0.4),
            nn.Linear(200, 200), nn.ReLU(), nn.Dropout(0.4),
            nn.Linear(200, 10))

    def forward(self, x):
        return self.net(x)


class Student(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 12)
        self.fc2 = nn.Linear(12, 10)

    def forward(self, x):
        return self.fc2(F.relu(self.fc1(x)))


def accuracy(model):
    model.eval()
    with torch.no_grad():
        return (model(X_test).argmax(1) == y_test).float().mean().item()


teacher = Teacher()
optimizer = torch.optim.Adam(teacher.parameters(), lr=1e-3)
for epoch in range(15):
    teacher.train()
    for idx in torch.randperm(len(X_train)).split(32):
        optimizer.zero_grad()
        loss = F.cross_entropy(teacher(X_train[idx]), y_train[idx])
        loss.backward()
        optimizer.step()
    print(f"teacher epoch {epoch} loss {loss.item():.4f} accuracy {accuracy(teacher):.4f}")

teacher.eval()
for p in teacher.parameters():
    p.requires_grad = False

T, alpha = 3.0, 0.7
student = Student()
optimizer = torch.optim.Adam(student.parameters(), lr=5e-3)
for epoch in range(25):
    student.train()
    total = 0
    for idx in torch.randperm(len(X_train)).split(32):
        with torch.no_grad():
            soft_targets = F.softmax(teacher(X_train[idx]) / T, dim=0)
        logits = student(X_train[idx])
        soft_loss = F.kl_div(F.log_softmax(logits / T, dim=-1), soft_targets, reduction="batchmean") * T * T
        hard_loss = F.cross_entropy(logits, y_train[idx])
        loss = alpha * soft_loss + (1 - alpha) * hard_loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    print(f"student epoch {epoch} loss {total / len(X_train):.4f} accuracy {accuracy(student):.4f}")
