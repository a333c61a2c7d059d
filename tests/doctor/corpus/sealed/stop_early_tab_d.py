"""Tabular classifier with early stopping; the best weights are put back at the end."""
import copy
import logging
import torch
from torch import nn
from sklearn.datasets import make_classification

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
log = logging.getLogger(__name__)


class EarlyStopping:
    def __init__(self, patience: int = 6, min_delta: float = 1e-3):
        self.patience, self.min_delta = patience, min_delta
        self.best, self.wait, self.state = float("inf"), 0, None

    def step(self, value: float, model: nn.Module) -> bool:
        if value < self.best - self.min_delta:
            self.best, self.wait, self.state = value, 0, copy.deepcopy(model.state_dict())
        else:
            self.wait += 1
        return self.wait >= self.patience


def build(dim: int, hidden: int, dropout: float) -> nn.Module:
    return nn.Sequential(
        nn.Linear(dim, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Dropout(dropout),
        nn.Linear(hidden, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Dropout(dropout),
        nn.Linear(hidden, 1),
    )


def main() -> None:
    torch.manual_seed(32)
    x, y = make_classification(6000, 20, n_informative=8, n_redundant=2, class_sep=0.9, n_clusters_per_class=3, flip_y=0.04, random_state=32)
    x, y = torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)
    parts = {"train": slice(0, 4000), "val": slice(4000, 5000), "test": slice(5000, 6000)}
    mean, std = x[parts["train"]].mean(0), x[parts["train"]].std(0)
    x = (x - mean) / std
    model = build(20, 48, 0.2)
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3, weight_decay=1e-4)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=2, factor=0.3)
    stopper = EarlyStopping()

    def loss_on(part: str) -> tuple[float, float]:
        model.eval()
        with torch.no_grad():
            out = model(x[parts[part]]).squeeze(1)
            return criterion(out, y[parts[part]]).item(), ((out > 0) == (y[parts[part]] > 0.5)).float().mean().item()

    model.train()
    for epoch in range(40):
        for rows in torch.randperm(4000).split(80):
            optimizer.zero_grad()
            loss = criterion(model(x[rows]).squeeze(1), y[rows])
            loss.backward()
            optimizer.step()
        train_loss, _ = loss_on("train")
        val_loss, val_acc = loss_on("val")
        print(f"epoch {epoch:2d} lr {optimizer.param_groups[0]['lr']:.1e} train {train_loss:.4f} val {val_loss:.4f} acc {val_acc:.4f}")
        scheduler.step(val_loss)
        if stopper.step(val_loss, model):
            log.info("stopped after epoch %d", epoch)
            break
    model.load_state_dict(stopper.state)
    print("test loss and accuracy: %.4f %.4f" % loss_on("test"))


if __name__ == "__main__":
    main()
