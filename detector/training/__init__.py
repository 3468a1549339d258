"""Fine-tuning on warped regions: windows, batches, steps, checkpoints."""
