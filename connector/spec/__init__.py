"""The declarative layer: reads the bundle's files and gives out a typed model. It knows no network."""
