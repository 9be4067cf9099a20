"""Packets kept as evidence: a ring of capture files that runs along, frozen with checksums when something happened."""
