"""Many questions at once: the use cases behind the states of the batch machines."""
