"""Who may import whom. A wrong import names both modules."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "connector"

MAY_IMPORT = {
    "errors": set(),
    "content": set(),
    "log": set(),
    "settings": {"errors"},
    "bundle": {"errors"},
    "tenancy": {"errors"},
    "wire": {"content", "errors"},
    "spec": {"bundle", "errors", "content"},
    "runtime": {"spec", "wire", "content", "errors"},
    "graph": {"spec", "wire", "content", "errors", "log"},
    "auth": {"tenancy", "errors", "log", "store", "spec"},
    "store": {"tenancy", "errors", "settings"},
    "proof": {"spec", "runtime", "wire", "content", "bundle", "errors"},
    "exports": {"spec"},
    "facade": {"exports", "spec", "runtime", "auth", "tenancy", "store", "errors", "wire", "content"},
    "plan": {"spec", "runtime", "auth", "errors", "wire", "content"},
    "loading": {
        "facade", "spec", "runtime", "graph", "auth", "store", "tenancy", "settings", "errors", "wire",
    },
    "cli": {
        "facade", "loading", "plan", "proof", "auth", "store", "spec", "runtime", "tenancy", "settings", "errors",
        "log", "content", "bundle", "wire", "sandbox", "exports",
    },
    "sandbox": set(),
    "": {"facade", "loading", "content", "runtime"},
    "__main__": {"cli"},
}  # fmt: skip


def part_of(path: Path) -> str:
    """`connector/spec/load.py` is of the part `spec`; the package itself is the part ``."""
    first = path.relative_to(ROOT).parts[0].removesuffix(".py")
    return "" if first == "__init__" else first


def imports_of(path: Path) -> set[str]:
    """The parts of the connector that a module imports, wherever the import stands."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level == 1 and path.parent != ROOT:
                continue  # a neighbour in the same part
            assert node.level == 0, (
                f"{path}: a relative import that leaves its part hides where a name is from"
            )
            module = node.module or ""
            names = [f"{module}.{alias.name}" for alias in node.names] if module == "connector" else [module]
        for name in names:
            head, _, rest = name.partition(".")
            if head == "connector":
                found.add(rest.split(".")[0])
    return found


MODULES = sorted(path for path in ROOT.rglob("*.py") if "_bundle" not in path.parts)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    part = part_of(path)
    wrong = imports_of(path) - MAY_IMPORT[part] - {part}
    assert not wrong, f"connector/{path.relative_to(ROOT)} may not import {sorted(wrong)}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_is_too_long(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= 400, f"connector/{path.relative_to(ROOT)} has {lines} lines: split it"


def test_the_runtime_knows_no_method_by_name() -> None:
    import re

    from connector.spec.load import load_catalogue

    names = set(load_catalogue())
    for part in ("runtime", "graph", "spec", "facade.py", "proof"):
        files = [ROOT / part] if part.endswith(".py") else sorted((ROOT / part).rglob("*.py"))
        for path in files:
            quoted = set(re.findall(r"""["']([a-z_]+\.[a-z_]+)["']""", path.read_text(encoding="utf-8")))
            assert not quoted & names, f"{path.name} names the methods {quoted & names}"
