"""What OpenRouter sends -> LangChain's messages, chunks and events."""
