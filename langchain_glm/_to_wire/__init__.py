"""LangChain's messages and tools -> OpenRouter's form."""
