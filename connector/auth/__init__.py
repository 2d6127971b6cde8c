"""Signing in at Entra ID, and keeping the tokens good. Knows no Graph method and no database."""
