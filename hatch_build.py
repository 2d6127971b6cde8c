"""Puts the declarative files into the wheel: as they are, and as one JSON document that loads fast."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PARTS = ("manifest.yaml", "methods", "schemas")


class BundleHook(BuildHookInterface):
    """Runs for wheels; an editable install reads the repository itself."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        root = Path(self.root)
        for name in PARTS:
            build_data["force_include"][str(root / name)] = f"connector/_bundle/{name}"
        sys.path.insert(0, self.root)
        try:
            from connector.spec.load import compile_bundle

            compiled = Path(self.directory) / "catalogue.json"
            compiled.parent.mkdir(parents=True, exist_ok=True)
            compiled.write_bytes(compile_bundle(root))
        finally:
            sys.path.remove(self.root)
        build_data["force_include"][str(compiled)] = "connector/_bundle/catalogue.json"
