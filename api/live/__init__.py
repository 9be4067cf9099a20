"""The live side of the console: a snapshot, then sequenced deltas, over a WebSocket."""
