"""Documents come in, change and go: the use cases behind the states of the ingestion machines."""
