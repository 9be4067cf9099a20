"""Windows: sources, the service, and decoders of what the system's calls return. Only decoders run elsewhere."""
