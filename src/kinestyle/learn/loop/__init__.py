"""One training loop for every stage: checkpoints, precision, processes, progress."""
