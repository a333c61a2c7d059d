"""Running a training script under watch, trying remedies on copies, and telling what was found."""
