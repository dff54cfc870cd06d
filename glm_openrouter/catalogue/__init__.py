"""What OpenRouter knows: models, endpoints, the key, past generations."""
