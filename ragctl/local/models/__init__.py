"""The local stack's models: an OpenAI-compatible server of embeddings and of answers that quote their passages."""
