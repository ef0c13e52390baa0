"""What the lead's source says that a case is, revision by revision, decided by the rules of one city. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hub.core.cases.cases import Case, LeadVersion
from hub.core.cases.steps import PASSED_ON, SENT_BACK, by_rules, put_by_rules
from hub.core.cases.versions import complete, in_force, versions_of, with_version
from hub.core.report import Sighting
from hub.core.routing.router import Router
from hub.core.rules.conditions import Conditions
from hub.policy.city import City


class Revisions:
    """Of the leads of one city's cases."""

    def __init__(self, city: City, router: Router) -> None:
        self._city, self._router = city, router
        self._conditions = Conditions(city)

    @property
    def asks_conditions(self) -> bool:
        """Whether any deadline row asks for what holds of a report beyond its category."""
        return self._conditions.asked

    def conditions(self, seen: Sighting) -> tuple[str, ...]:
        """What a report fulfils of itself that some deadline row asks for."""
        return self._conditions.of(seen)

    def amended(self, case: Case, before: Case, seen: Sighting, *, alone: bool) -> Case:
        """The case as the revisions of its lead have it by now. It opens with the earliest statement of its lead that does not
        end it. `alone`: it is the first such one."""
        known = () if alone else versions_of(before)
        opened_ms = seen.opening_ms if alone else min(before.opened_ms, seen.opening_ms)
        versions = self._decided(with_version(known, self._version(seen)), complete(known), seen, opened_ms)
        now, first = complete(versions)[-1], in_force(versions)[0]
        category = self._city.category_of(now.category)
        amended = msgspec.structs.replace(
            case,
            category=category.code if category else now.category,
            family=category.family if category else None,
            urgency=now.urgency,
            area=now.area,
            lat=now.lat,
            lon=now.lon,
            opened_ms=opened_ms,
            due_ms=now.due_ms,
            conditions=first.conditions,
            versions=versions,
            rules=before.rules if opened_ms == before.opened_ms else self._city.version,
        )
        if alone:
            return by_rules(amended, now, opened_ms)
        if case.rule in (SENT_BACK, PASSED_ON) or now.department != case.department:
            return amended
        if case.closed_ms is not None and now.at_ms < case.closed_ms:  # who helped by then is told nothing any more
            return by_rules(amended, now, now.at_ms)
        return msgspec.structs.replace(amended, unit=now.unit)

    def _version(self, seen: Sighting) -> LeadVersion:
        """What a statement says, not decided yet."""
        category = self._city.category_of(seen.category) if seen.category else None
        return LeadVersion(
            revision=seen.revision,
            at_ms=seen.opening_ms,
            category=category.code if category else seen.category,
            urgency=seen.urgency,
            area=seen.area,
            lat=seen.lat,
            lon=seen.lon,
            due_ms=seen.due_ms,
            conditions=self.conditions(seen),
            department="",
            rule="",
            desk_reason=None,
            queue=None,
            co_handlers=(),
            priority=None,
        )

    def _decided(
        self, versions: tuple[LeadVersion, ...], decided: Sequence[LeadVersion], seen: Sighting, opened_ms: int
    ) -> tuple[LeadVersion, ...]:
        """The versions with where the rules put the new one, and each that leaves out what the new one says. The case keeps
        its hour: rows on it do not move it because of when it was amended."""
        was = {each.revision: each for each in decided}
        found = []
        for version, whole in zip(versions, complete(versions), strict=True):
            if was.get(version.revision) != whole or version.revision == seen.revision:
                version = self._decide(version, whole, seen, opened_ms)
            found.append(version)
        return tuple(found)

    def _decide(self, version: LeadVersion, whole: LeadVersion, seen: Sighting, opened_ms: int) -> LeadVersion:
        asked = msgspec.structs.replace(seen, at_ms=opened_ms, opens_ms=None, lat=whole.lat, lon=whole.lon)
        if version.revision != seen.revision:  # its own words are kept no longer
            asked = msgspec.structs.replace(asked, title="", text="", address=None, label=None, attributes={})
        placed = whole.lat is not None
        decision = self._router.route_one(seen.source, whole.category, whole.area, whole.urgency, placed, asked)
        return msgspec.structs.replace(put_by_rules(version, decision), called=decision.called)
