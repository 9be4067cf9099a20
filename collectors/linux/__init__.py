"""Linux: the list of sources; they lie in `collectors.sources`, which began as Linux alone."""
