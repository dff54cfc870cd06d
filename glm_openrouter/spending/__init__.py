"""What calls cost, and a limit for it."""
