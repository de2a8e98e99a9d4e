"""Serverless retrieval-augmented generation: the code that its Lambda functions share."""
