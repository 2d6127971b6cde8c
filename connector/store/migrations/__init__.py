"""Alembic migrations of the SQL store, shipped with the package and run when a store is opened."""
