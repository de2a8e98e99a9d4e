"""What stands behind the HTTP API: who calls, what may be asked, and how it is answered."""
