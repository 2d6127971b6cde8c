"""The catalogue held against Microsoft's own reference data, and against itself."""
