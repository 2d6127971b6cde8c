"""m365-connector: a declarative Microsoft 365 connector for integration platforms."""
