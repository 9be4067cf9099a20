"""Alembic revisions; `python -m jikimi.storage.revise "why"` writes the next one from schema.py."""
