"""Proves the catalogue against Microsoft's reference data: every path, verb, scope, schema and example.

No method is known by name here, and nothing is sent. What differs on purpose stands in the overlay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from connector.proof.examples import Tally, try_examples
from connector.proof.findings import Check, Finding
from connector.proof.overlay import Overlay
from connector.proof.paths import verb_problem
from connector.proof.reference import Reference
from connector.proof.report import MethodReport, Report, Verdict
from connector.proof.requests import Variant, is_raw, variants
from connector.proof.schemas import check_schemas
from connector.proof.scopes import check_cover, check_permissions, check_requests, entry_problems
from connector.spec.load import Catalogue
from connector.spec.model import Manifest, Method


def prove(catalogue: Catalogue, reference: Reference, overlay: Overlay) -> Report:
    """Every method of the catalogue against every part of the reference data that was given."""
    made = {
        name: (method, () if is_raw(method) else variants(method, reference.metadata))
        for name, method in catalogue.items()
    }
    tally = try_examples(reference.examples or (), made, reference.metadata)
    judged = _judged(reference)
    reports = {
        name: _report(method, requests, catalogue.manifest, reference, overlay, judged, tally)
        for name, (method, requests) in made.items()
    }
    problems = _unused_permissions(catalogue, reference)
    for name, entry in overlay.stale(_judged_whole(reference, judged), tally.seen):
        if name in reports:
            reports[name].problems.append(f"overlay: {entry} is no longer needed; remove the entry")
        else:
            problems.append(f"overlay: {entry} names {name}, which is no method; remove it")
    return Report(list(reports.values()), problems, tally.left_out)


def _judged(reference: Reference) -> list[Check]:
    judged: list[Check] = ["path", "verb", "schema"]
    if reference.requests is not None or reference.scopes is not None:
        judged.append("scopes")
    if reference.examples is not None:
        judged.append("examples")
    return judged


def _judged_whole(reference: Reference, judged: list[Check]) -> list[Check]:
    """The checks for which an unused exception is stale: with half of the tables it may only seem so."""
    has_both = reference.requests is not None and reference.scopes is not None
    return [check for check in judged if check != "scopes" or has_both]


def _report(
    method: Method,
    requests: tuple[Variant, ...],
    manifest: Manifest,
    reference: Reference,
    overlay: Overlay,
    judged: list[Check],
    tally: Tally,
) -> MethodReport:
    findings = [
        *_findings(method, requests, manifest, reference),
        *(
            Finding("examples", f"example {example}: {text}", {"example": example})
            for example, text in tally.failed.get(method.name, ())
        ),
    ]
    problems: list[str] = []
    excused: list[str] = []
    wrong: dict[Check, Verdict] = {}
    total = tally.total.get(method.name, 0)
    for finding in findings:
        excuse = overlay.excuse(method.name, finding)
        if excuse is None:
            problems.append(finding.text)
            wrong[finding.check] = "failed"
            continue
        excused.append(f"{finding.text}. {excuse.reason} {excuse.source}")
        wrong.setdefault(finding.check, "exempt")
        total -= finding.check == "examples"

    def verdict(check: Check) -> Verdict:
        rest: Verdict = "ok" if requests else "exempt"
        return wrong.get(check, rest) if check in judged else "skipped"

    return MethodReport(
        name=method.name,
        path=verdict("path"),
        verb=verdict("verb"),
        scopes=verdict("scopes"),
        schema=verdict("schema"),
        examples_matched=tally.matched.get(method.name, 0),
        examples_total=total,
        problems=list(dict.fromkeys(problems)),
        excused=excused,
    )


def _findings(
    method: Method, requests: tuple[Variant, ...], manifest: Manifest, reference: Reference
) -> Iterator[Finding]:
    for variant in requests:
        yield from _path_findings(variant, reference)
    if requests:
        yield from check_schemas(method, requests, reference.metadata)
    if requests and reference.requests is not None:
        yield from check_requests(method, requests, manifest, reference.requests, reference.scopes)
        yield from check_cover(method, requests, manifest, reference.requests)
    if reference.scopes is not None:
        yield from check_permissions(method, manifest, reference.scopes)


def _path_findings(variant: Variant, reference: Reference) -> Iterator[Finding]:
    resolved, text = variant.resolved, variant.path.text
    about: Mapping[str, str] = {"path": text}
    if resolved is None:
        yield Finding("path", f"{text}: {variant.fault}", about)
        return
    for written, right in resolved.misspelt:
        yield Finding("path", f"{text}: {written!r} is written {right!r} in the metadata", about)
    for deprecated in resolved.deprecated:
        yield Finding("path", f"{text}: {deprecated}", about)
    if problem := verb_problem(reference.metadata, resolved, variant.verb):
        yield Finding("verb", f"{text}: {problem}", about)


def _unused_permissions(catalogue: Catalogue, reference: Reference) -> list[str]:
    """The faults of entries of the manifest's table that no method names; the others are the methods'."""
    if reference.scopes is None:
        return []
    named = {scope for method in catalogue.values() for scopes in method.scopes.values() for scope in scopes}
    return [
        f"manifest: {problem}"
        for name, permission in catalogue.manifest.permissions.items()
        if name not in named
        for problem in entry_problems(permission, reference.scopes)
    ]
