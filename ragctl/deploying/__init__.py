"""What stands around `sam deploy`: what must be settled before it, and what is to be done after it."""
