"""Documents in: bytes become text with headings, and text becomes chunks. Only ingestion imports this package."""
