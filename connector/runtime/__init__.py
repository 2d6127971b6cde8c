"""The generic engine: runs any declared method, and knows none by name. No HTTP, no OAuth, no SQL."""
