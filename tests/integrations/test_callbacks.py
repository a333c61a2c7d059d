"""The doctor inside other people's trainers: their real packages, the training untouched, the mistake named."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)


def digits() -> tuple[np.ndarray, np.ndarray]:
    data = load_digits()
    return (data.data / 16).astype(np.float32)[:600], data.target[:600].astype(np.int64)


def net(softmax: bool) -> nn.Module:
    torch.manual_seed(0)
    layers = [nn.Linear(64, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 10)]
    return nn.Sequential(*layers, nn.Softmax(1)) if softmax else nn.Sequential(*layers)


def weights(model: nn.Module) -> list[bytes]:
    return [value.detach().numpy().tobytes() for value in model.state_dict().values()]


def by_lightning(softmax: bool, callbacks: list[Any]) -> nn.Module:
    lightning = pytest.importorskip("lightning", reason="Lightning is not installed")

    class Classifier(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = net(softmax)

        def training_step(self, batch: Any, index: int) -> torch.Tensor:
            return F.cross_entropy(self.net(batch[0]), batch[1])

        def validation_step(self, batch: Any, index: int) -> None:
            self.log("val_loss", F.cross_entropy(self.net(batch[0]), batch[1]))

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.Adam(self.parameters(), lr=3e-3)

    x, y = map(torch.from_numpy, digits())
    model = Classifier()
    torch.manual_seed(1)
    loaders = (
        DataLoader(TensorDataset(x[:480], y[:480]), 32, shuffle=True),
        DataLoader(TensorDataset(x[480:], y[480:]), 60),
    )
    trainer = lightning.Trainer(
        max_epochs=4,
        callbacks=callbacks,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(model, *loaders)
    return model.net


class Outputs(nn.Module):
    """A model as Hugging Face's trainer wants it: the loss comes with the outputs."""

    def __init__(self, softmax: bool) -> None:
        super().__init__()
        self.net = net(softmax)

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        logits = self.net(x)
        return {"loss": F.cross_entropy(logits, labels), "logits": logits}


def by_huggingface(softmax: bool, callbacks: list[Any]) -> nn.Module:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    pytest.importorskip("accelerate", reason="accelerate is not installed")
    x, y = digits()
    rows = [{"x": a, "labels": int(b)} for a, b in zip(x, y, strict=True)]
    model = Outputs(softmax)
    arguments = transformers.TrainingArguments(
        output_dir="unused",
        num_train_epochs=4,
        per_device_train_batch_size=32,
        learning_rate=3e-3,
        save_strategy="no",
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        seed=1,
    )
    transformers.Trainer(model, arguments, train_dataset=rows, callbacks=callbacks).train()
    return model.net


def by_skorch(softmax: bool, callbacks: list[Any]) -> nn.Module:
    skorch = pytest.importorskip("skorch", reason="skorch is not installed")
    torch.manual_seed(1)
    classifier = skorch.NeuralNet(
        lambda: net(softmax),
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=3e-3,
        batch_size=32,
        max_epochs=4,
        iterator_train__shuffle=True,
        train_split=None,
        callbacks=callbacks,
        verbose=0,
    )
    classifier.fit(*digits())
    return classifier.module_


TRAINERS = {"lightning": by_lightning, "huggingface": by_huggingface, "skorch": by_skorch}
pytestmark = pytest.mark.filterwarnings("default")  # of the trainers themselves


def callback(name: str, **given: Any) -> Any:
    package = {"huggingface": "transformers"}.get(name, name)
    pytest.importorskip(package, reason=f"{package} is not installed")
    return importlib.import_module(f"goodfit.integrations.{name}").DoctorCallback(**given)


@pytest.mark.parametrize("name", TRAINERS)
def test_the_training_is_bit_for_bit_the_same_and_gets_no_alarm(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    doctor = callback(name, quiet=True, html=tmp_path / "page.html")
    watched, alone = TRAINERS[name](False, [doctor]), TRAINERS[name](False, [])
    assert weights(watched) == weights(alone)
    assert [f.kind for f in doctor.findings if f.severity != "info"] == []
    assert doctor.findings[0].evidence["steps"] >= 56
    assert "gradient" in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize("name", TRAINERS)
def test_a_mistake_is_told_on_standard_error_at_the_end(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    doctor = callback(name, extra_seconds=0.0)
    TRAINERS[name](True, [doctor])
    assert doctor.findings[0].kind == "softmax-before-cross-entropy"
    assert "softmax-before-cross-entropy" in capsys.readouterr().err


@pytest.mark.parametrize("name", TRAINERS)
def test_without_the_package_one_sentence_says_what_to_install(name, monkeypatch):
    package = {"huggingface": "transformers"}.get(name, name)
    monkeypatch.delitem(sys.modules, f"goodfit.integrations.{name}", raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    for loaded in [module for module in sys.modules if module.startswith(f"{package}.")]:
        monkeypatch.delitem(sys.modules, loaded)
    with pytest.raises(ModuleNotFoundError, match=rf"pip install 'goodfit\[{name}\]'"):
        importlib.import_module(f"goodfit.integrations.{name}")


def test_an_error_within_lightnings_training_is_told_with_what_was_seen(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    lightning = pytest.importorskip("lightning", reason="Lightning is not installed")
    doctor = callback("lightning", extra_seconds=0.0)

    class Breaks(lightning.Callback):
        def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, index: int) -> None:
            if trainer.global_step == 20:
                raise RuntimeError("broken on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        by_lightning(True, [doctor, Breaks()])
    assert "softmax-before-cross-entropy" in capsys.readouterr().err
