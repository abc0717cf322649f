"""What makes tests that store many small runs quick, without changing what they see: fixtures."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from dakota_wh.sql import views
from dakota_wh.warehouse import catalogue
from tests.warehouse.kit import few_views


@pytest.fixture(autouse=True, scope="module")
def quick() -> Iterator[None]:
    """Leave the flushing to the system, and put only some of the views into catalogues."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)  # what dies here is no machine
        patch.setattr(catalogue, "registry", few_views())
        yield


@pytest.fixture
def all_views(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put all views into catalogues."""
    monkeypatch.setattr(catalogue, "registry", views)
