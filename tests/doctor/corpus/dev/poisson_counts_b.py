import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def simulate(n, g):
    x = torch.randn(n, 5, generator=g)
    rate = torch.exp(0.8 + 0.5 * x[:, 0] - 0.7 * torch.tanh(x[:, 1] * x[:, 2]))
    return x, torch.poisson(rate, generator=g)


def train(model, loader, epochs):
    objective = nn.PoissonNLLLoss(log_input=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    for epoch in range(epochs):
        total = 0.0
        for x, counts in loader:
            optimizer.zero_grad()
            loss = objective(model(x), counts)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(x)
        print(f"epoch {epoch} poisson nll {total / len(loader.dataset):.4f}")


if __name__ == "__main__":
    torch.manual_seed(0)
    g = torch.Generator().manual_seed(1)
    x, c = simulate(1500, g)
    model = nn.Sequential(nn.Linear(5, 32), nn.Softplus(), nn.Linear(32, 1))
    train(model, DataLoader(TensorDataset(x, c), batch_size=50, shuffle=True), 15)
    xt, ct = simulate(500, g)
    with torch.no_grad():
        print("test nll", nn.functional.poisson_nll_loss(model(xt).squeeze(-1), ct).item())
