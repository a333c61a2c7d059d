import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

# Hyper-parameters
sequence_length = 8
input_size = 8
hidden_size = 40
num_classes = 10
batch_size = 50
num_epochs = 72
learning_rate = 0.005
device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')

torch.manual_seed(18)
data = load_digits()
images = data.images.astype('float32') / 16
labels = data.target
shuffled = torch.randperm(len(labels))
images = torch.from_numpy(images)[shuffled]
labels = torch.from_numpy(labels)[shuffled]
train_loader = DataLoader(TensorDataset(images[:1300], labels[:1300]), batch_size=batch_size, shuffle=True)
test_loader = DataLoader(TensorDataset(images[1300:], labels[1300:]), batch_size=batch_size, shuffle=False)


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, num_classes):
        super(RNN, self).__init__()
        self.hidden_size = hidden_size
        self.gru = nn.GRU(input_size, hidden_size, batch_first=True)
        self.drop = nn.Dropout(0.2)
        self.fc = nn.Linear(hidden_size, num_classes)

    def forward(self, x):
        h0 = torch.zeros(1, x.size(0), self.hidden_size).to(device)
        out, _ = self.gru(x, h0)
        out = self.fc(self.drop(out[:, -1, :]))
        return out


model = RNN(input_size, hidden_size, num_classes).to(device)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
lr_scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=8, gamma=0.3)

for epoch in range(num_epochs):
    model.train()
    epoch_loss = 0.0
    for i, (x, y) in enumerate(train_loader):
        x = x.reshape(-1, sequence_length, input_size).to(device)
        y = y.to(device)
        outputs = model(x)
        loss = criterion(outputs, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item()
    lr_scheduler.step()

    model.eval()
    with torch.no_grad():
        correct = 0
        total = 0
        val_loss = 0.0
        for x, y in test_loader:
            x = x.reshape(-1, sequence_length, input_size).to(device)
            outputs = model(x)
            val_loss += criterion(outputs, y.to(device)).item()
            _, predicted = torch.max(outputs, 1)
            total += y.size(0)
            correct += (predicted == y.to(device)).sum().item()
    print('Epoch [{}/{}], Loss: {:.4f}, Test loss: {:.4f}, Test accuracy: {:.4f}'.format(
        epoch + 1, num_epochs, epoch_loss / len(train_loader), val_loss / len(test_loader), correct / total))
