"""A trainer in the manner of the large libraries: arguments, callbacks, logs."""
from dataclasses import dataclass, field

import torch
from sklearn.datasets import make_classification
from torch import nn
from torch.utils.data import DataLoader, Dataset


@dataclass
class TrainingArguments:
    learning_rate: float = 5e-3
    num_train_epochs: int = 8
    per_device_batch_size: int = 32
    gradient_accumulation_steps: int = 2
    max_grad_norm: float = 1.0
    warmup_steps: int = 10
    seed: int = 42


class Rows(Dataset):
    def __init__(self, x, y):
        self.x, self.y = torch.tensor(x, dtype=torch.float32), torch.tensor(y)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return {"features": self.x[i], "labels": self.y[i]}


class Model(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(n_in, 64), nn.GELU(), nn.Dropout(0.1))
        self.classifier = nn.Linear(64, n_out)
        self.loss = nn.CrossEntropyLoss()

    def forward(self, features, labels=None):
        logits = self.classifier(self.encoder(features))
        return {"logits": logits, "loss": None if labels is None else self.loss(logits, labels)}


class Callback:
    def on_log(self, logs):
        print(logs)


@dataclass
class Trainer:
    model: nn.Module
    args: TrainingArguments
    train_dataset: Dataset
    eval_dataset: Dataset
    callbacks: list = field(default_factory=lambda: [Callback()])

    def train(self):
        torch.manual_seed(self.args.seed)
        loader = DataLoader(self.train_dataset, self.args.per_device_batch_size, shuffle=True)
        optimizer = torch.optim.AdamW(self.model.parameters(), lr=self.args.learning_rate)
        updates = len(loader) // self.args.gradient_accumulation_steps
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer,
            lambda s: min((s + 1) / self.args.warmup_steps, max(0.0, 1 - s / (updates + 1))),
        )
        for epoch in range(self.args.num_train_epochs):
            self.model.train()
            for step, inputs in enumerate(loader):
                loss = self.model(**inputs)["loss"] / self.args.gradient_accumulation_steps
                loss.backward()
                if (step + 1) % self.args.gradient_accumulation_steps == 0:
                    nn.utils.clip_grad_norm_(self.model.parameters(), self.args.max_grad_norm)
                    optimizer.step()
                    schedule.step()
                    optimizer.zero_grad()
            self.log({"epoch": epoch, "rate": round(schedule.get_last_lr()[0], 5), **self.evaluate()})

    def evaluate(self):
        self.model.eval()
        right = 0
        with torch.no_grad():
            for inputs in DataLoader(self.eval_dataset, 100):
                right += (self.model(inputs["features"])["logits"].argmax(-1) == inputs["labels"]).sum().item()
        return {"eval_accuracy": right / len(self.eval_dataset)}

    def log(self, logs):
        for callback in self.callbacks:
            callback.on_log(logs)


if __name__ == "__main__":
    torch.manual_seed(0)
    x, y = make_classification(1400, 16, n_informative=10, n_classes=5, n_clusters_per_class=1, class_sep=1.7, random_state=1)
    x = (x - x.mean(0)) / x.std(0)
    trainer = Trainer(Model(16, 5), TrainingArguments(), Rows(x[:1024], y[:1024]), Rows(x[1024:], y[1024:]))
    trainer.train()
    print("accuracy", trainer.evaluate()["eval_accuracy"])
