"""Alembic's scripts: one file a revision, applied in order, never edited once released."""
