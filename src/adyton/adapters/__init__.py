"""What a task does: one file for each task type or family."""
