"""What OpenRouter knows: models, endpoints, the account, past generations."""
