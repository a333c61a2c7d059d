import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
images, labels = load_digits(return_X_y=True)
images = torch.tensor(images, dtype=torch.float32, device=device).sub_(8).div_(8)
labels = torch.tensor(labels, device=device)
order = torch.randperm(len(images))
train_i, test_i = order[:1400], order[1400:]
model = nn.Sequential(nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 10)).to(device)
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
loss_fn = nn.NLLLoss()
for epoch in range(8):
    for idx in train_i[torch.randperm(1400)].split(56):
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device_type=device.type, dtype=torch.bfloat16):
            out = model(images[idx])
            loss = loss_fn(out, labels[idx])
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: {loss.item():.3f}")
with torch.no_grad(), torch.autocast(device_type=device.type, dtype=torch.bfloat16):
    correct = (model(images[test_i]).argmax(1) == labels[test_i]).float().mean()
print(f"accuracy {correct.item():.4f}")
