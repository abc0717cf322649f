"""Nested dicts, addressed by paths."""

from __future__ import annotations

from typing import Any

Tree = dict[str, Any]
Path = tuple[str, ...]


def plant(tree: Tree, path: Path, value: Any) -> None:
    """Set ``value`` at ``path``, making dicts on the way and replacing what is none."""
    for key in path[:-1]:
        inner = tree.get(key)
        if not isinstance(inner, dict):
            inner = tree[key] = {}
        tree = inner
    tree[path[-1]] = value


def uproot(tree: Tree, path: Path) -> None:
    """Remove what is at ``path``, if anything is."""
    for key in path[:-1]:
        inner = tree.get(key)
        if not isinstance(inner, dict):
            return
        tree = inner
    tree.pop(path[-1], None)
