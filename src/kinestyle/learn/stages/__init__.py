"""What is learned, stage by stage: configuration, losses, validation."""
