from __future__ import print_function
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.autograd import Variable
from sklearn.datasets import load_digits

torch.manual_seed(1)

d = load_digits()
images = torch.Tensor(d.images).unsqueeze(1) / 16.0
labels = torch.LongTensor(d.target)
perm = torch.randperm(len(images))
images, labels = images[perm], labels[perm]
train_data, train_labels = images[:1300], labels[:1300]
test_data, test_labels = images[1300:], labels[1300:]


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 10, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(10, 20, kernel_size=3, padding=1)
        self.conv2_drop = nn.Dropout2d(0.2)
        self.fc1 = nn.Linear(80, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2_drop(self.conv2(x)), 2))
        x = x.view(-1, 80)
        x = F.relu(self.fc1(x))
        x = F.dropout(x, p=0.2, training=self.training)
        x = self.fc2(x)
        return F.log_softmax(x, dim=1)


model = Net()
optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)


def train(epoch):
    model.train()
    idx = torch.randperm(len(train_data))
    total = 0
    for b in range(0, len(idx), 50):
        data, target = Variable(train_data[idx[b:b + 50]]), Variable(train_labels[idx[b:b + 50]])
        optimizer.zero_grad()
        output = model(data)
        loss = F.nll_loss(output, target)
        loss.backward()
        optimizer.step()
        total += loss.data.item()
    print('Train Epoch: {}  Loss: {:.6f}'.format(epoch, total / (len(idx) / 50)))


def test():
    model.eval()
    data, target = Variable(test_data), Variable(test_labels)
    output = model(data)
    test_loss = F.nll_loss(output, target).data.item()
    pred = output.data.max(1)[1]
    correct = pred.eq(target.data).sum().item()
    print('Test set: Average loss: {:.4f}, Accuracy: {}/{} ({:.2f}%)'.format(
        test_loss, correct, len(test_data), 100. * correct / len(test_data)))
    return 100. * correct / len(test_data)


for epoch in range(1, 19):
    if epoch == 13:
        for g in optimizer.param_groups:
            g['lr'] = 0.01
    train(epoch)
    acc = test()
print('%.2f' % acc)
