"""Write an event file as torch's SummaryWriter does (tensorboard needed).

All forms of a scalar that it knows (a plain value, a tensor of float32 or float64), with a text and histograms between.
"""

from pathlib import Path

import numpy as np
from torch.utils.tensorboard import SummaryWriter

HERE = Path(__file__).parent
FALLING = [2.0 * 0.8**i + 0.1 for i in range(12)]
TURNED = [2.0 * 0.6**i + 0.15 * max(i - 3, 0) + 0.5 for i in range(12)]


def main() -> None:
    with SummaryWriter(str(HERE)) as writer:
        writer.add_text("note", "a text is no scalar")
        for i, (train, val) in enumerate(zip(FALLING, TURNED, strict=True)):
            writer.add_scalar("Loss/train", train, 10 * i)
            writer.add_scalar("Loss/val", val, 10 * i, new_style=True)
            writer.add_scalar("lr", 0.1, 10 * i, new_style=True, double_precision=True)
            if i % 6 == 0:
                writer.add_histogram("weights", np.arange(5.0), 10 * i)
    written = next(file for file in HERE.glob("*tfevents*") if file.suffix != ".torch")
    written.rename(HERE / "events.out.tfevents.torch")


if __name__ == "__main__":
    main()
