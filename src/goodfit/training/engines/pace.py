"""How often engines do what need not be done at every step. None of it changes a number that is told."""

from __future__ import annotations

KEY_STEPS = 64  # steps whose dropout keys and rates are made at once: making them one by one costs more than a step
SEND_STEPS = 64  # steps after which points are sent at the latest, so that a live page moves
DEVICE_INTERVAL = 16  # steps between looks at the losses where a look waits for the device
