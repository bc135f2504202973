"""Bytes from the platform: credentials, client, dialects, walk, and the responses as received."""
