"""A tiny BERT from a config learns to tell real function headers from shuffled ones, with the transformers Trainer."""
import glob
import os
import random
import re

import numpy as np
import torch
from torch.utils.data import Dataset
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments, set_seed

set_seed(35)
LENGTH = 24
TOKEN = re.compile(r"\w+|[^\w\s]")


def headers():
    found = set()
    for path in sorted(glob.glob(os.path.join(os.path.dirname(os.__file__), "*.py"))):
        for line in open(path, encoding="utf-8", errors="ignore"):
            if line.strip().startswith("def ") and line.rstrip().endswith(":"):
                tokens = TOKEN.findall(line.lower())
                if 7 <= len(tokens) <= LENGTH - 1:
                    found.add(tuple(tokens))
    return sorted(found)


class Headers(Dataset):
    def __init__(self, rows, vocab):
        self.items = []
        for tokens in rows:
            label = random.randrange(2)
            tokens = list(tokens)
            if label:
                i = random.randrange(2, len(tokens) - 2)
                tokens[i], tokens[i + 1] = tokens[i + 1], tokens[i]
            ids = [1] + [vocab.get(t, 2) for t in tokens]
            mask = [1] * len(ids) + [0] * (LENGTH - len(ids))
            self.items.append({"input_ids": torch.tensor(ids + [0] * (LENGTH - len(ids))), "attention_mask": torch.tensor(mask), "labels": label})

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


rows = headers()
random.shuffle(rows)
cut = int(0.85 * len(rows))
counts = {}
for r in rows[:cut]:
    for t in r:
        counts[t] = counts.get(t, 0) + 1
vocab = {t: i + 3 for i, t in enumerate(sorted(t for t in counts if counts[t] >= 20))}
train, val = Headers(rows[:cut], vocab), Headers(rows[cut:], vocab)

config = BertConfig(vocab_size=len(vocab) + 3, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
                    max_position_embeddings=LENGTH, num_labels=2, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
                    initializer_range=0.1)
model = BertForSequenceClassification(config)
for param in model.bert.parameters():
    param.requires_grad = False


def metrics(p):
    return {"accuracy": float((np.argmax(p.predictions, 1) == p.label_ids).mean())}


args = TrainingArguments(output_dir="out", num_train_epochs=6, per_device_train_batch_size=44, per_device_eval_batch_size=400,
                         learning_rate=4e-3, lr_scheduler_type="cosine", warmup_steps=50, weight_decay=0.01,
                         eval_strategy="epoch", logging_strategy="epoch", save_strategy="no", report_to=[], use_cpu=True,
                         disable_tqdm=True, seed=35)
trainer = Trainer(model=model, args=args, train_dataset=train, eval_dataset=val, compute_metrics=metrics)
trainer.train()
print("accuracy", round(trainer.evaluate()["eval_accuracy"], 4))
