"""What you ask for: checked strictly, it becomes a body."""
