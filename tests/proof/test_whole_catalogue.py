from __future__ import annotations

from functools import lru_cache

from connector.proof.overlay import Overlay
from connector.proof.prove import prove
from connector.proof.reference import Reference
from connector.proof.report import Report
from connector.spec.load import load_catalogue
from tests.reference import GRAPH_DATA, needs_reference

pytestmark = needs_reference


@lru_cache
def report() -> Report:
    return prove(load_catalogue(), Reference.in_folder(GRAPH_DATA), Overlay.open())


def test_nothing_in_the_catalogue_differs_from_microsoft_s_data_without_a_cited_reason() -> None:
    unexplained = [f"{one.name}: {problem}" for one in report().methods for problem in one.problems]

    assert [*unexplained, *report().problems] == []


def test_every_example_that_counts_is_made_again() -> None:
    assert [one.name for one in report().methods if one.examples_matched != one.examples_total] == []
    assert sum(one.examples_matched for one in report().methods) >= 50
