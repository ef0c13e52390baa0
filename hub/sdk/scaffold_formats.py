"""Mappings and fixtures of scaffolds whose systems write in a format of their own, by kind of source."""

from __future__ import annotations

CHANGES_MAPPING = """\
description: Rows of a table, as their changes tell of them
format: jsonl            # how fixtures are written
time_zone: Asia/Shanghai # of times that do not say
personal: [caller]       # dropped on reading, also from dead letters
optional_columns: [change.op, change.at]
event:
  source_ref: id
  revisions: none        # the table counts none: other content is the next statement
  kind: {column: change.op, map: {create: OPENED, snapshot: OPENED, update: AMENDED, delete: WITHDRAWN}}
  reported_at: {column: change.at, formats: [iso]}
  category: category
  urgency: {column: urgent, map: {"yes": URGENT}, default: ROUTINE}
  place: {lat: lat, lon: lon, address: address}
  title: title
  text: text
  channel: {constant: database}
"""
CHANGES_FIXTURE = """\
{"id": "N-1", "category": "roads.pothole", "urgent": null, "lat": "39.9087", "lon": "116.3975", "address": "1 Example Road", "title": "Pothole 路面坑槽", "text": "Deep, and growing", "caller": "withheld", "change.op": "snapshot", "change.at": "2026-01-06T08:00:00+08:00"}
{"id": "N-2", "category": "water.leak", "urgent": "yes", "lat": null, "lon": null, "address": "2 Example Road", "title": "Burst pipe 水管爆裂", "text": "Water on the road", "caller": "withheld", "change.op": "create", "change.at": "2026-01-06T08:05:30+08:00"}
{"id": "N-1", "category": "roads.collapse", "urgent": null, "lat": "39.9087", "lon": "116.3975", "address": "1 Example Road", "title": "Pothole 路面坑槽", "text": "It has fallen in", "caller": "withheld", "change.op": "update", "change.at": "2026-01-06T09:40:00+08:00"}
{"id": "N-2", "category": null, "urgent": null, "lat": null, "lon": null, "address": null, "title": null, "text": null, "caller": null, "change.op": "delete", "change.at": "2026-01-06T16:40:00+08:00"}
"""  # noqa: E501 - one record a line
