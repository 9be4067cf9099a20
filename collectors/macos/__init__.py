"""macOS: sources, and decoders of what the system's programs print. Only decoders run elsewhere."""
