"""What scaffolds hold whose systems write in a format of their own: path to template, by kind of source. A fixture has items as the
source makes them."""

from __future__ import annotations

OF_KIND: dict[str, dict[str, str]] = {
    "cap": {
        "mappings/demo.yaml": """\
description: Alerts by CAP 1.2
extends: cap             # hub/sdk/mapping/bases/cap.yaml; here stands only what differs
event:
  category: {{column: category, map: {{Met: weather, Fire: fire, Geo: ground}}, default: ""}}
""",
        "fixtures/demo.jsonl": """\
{"report": "warnings@met.example,2026-0106-01", "statement": "alert", "said_at": "2026-01-06T08:00:00+08:00", \
"status": "Actual", "msgType": "Alert", "category": "Met", "event": "Rainstorm 暴雨", "urgency": "Expected", \
"severity": "Severe", "certainty": "Likely", "expires": "2026-01-06T20:00:00+08:00", \
"headline": "Heavy rain 暴雨橙色预警", "description": "60 mm in three hours", "areaDesc": "Example District", \
"lat": "31.230400", "lon": "121.473700", "geocode.GB2260": "310101"}
{"report": "warnings@met.example,2026-0106-01", "statement": "update", "said_at": "2026-01-06T09:30:00+08:00", \
"status": "Actual", "msgType": "Update", "category": "Met", "event": "Rainstorm 暴雨", "urgency": "Immediate", \
"severity": "Extreme", "certainty": "Observed", "expires": "2026-01-06T21:00:00+08:00", \
"headline": "Heavy rain 暴雨红色预警", "areaDesc": "Example District"}
{"report": "warnings@met.example,2026-0106-02", "statement": "alert", "said_at": "2026-01-06T10:00:00+08:00", \
"status": "Exercise", "msgType": "Alert", "category": "Fire", "event": "Fire drill", "urgency": "Future", \
"severity": "Minor", "certainty": "Possible"}
{"report": "warnings@met.example,2026-0106-01", "statement": "cancel", "said_at": "2026-01-06T18:00:00+08:00", \
"status": "Actual", "msgType": "Cancel", "headline": "Over 解除"}
{"report": "warnings@met.example,2026-0106-03", "statement": "expired", "said_at": "2026-01-06T20:00:00+08:00", \
"status": "Actual", "headline": "Fog 大雾黄色预警"}
""",
    },
    "changes": {
        "mappings/demo.yaml": """\
description: Rows of a table, as their changes tell of them
format: jsonl            # how fixtures are written
time_zone: Asia/Shanghai # of times that do not say
personal: [caller]       # dropped on reading, also from dead letters
event:
  source_ref: id
  revisions: none        # the table counts none: other content is the next statement
  kind: {{column: change.op, map: {{create: OPENED, snapshot: OPENED, update: AMENDED, delete: WITHDRAWN}}}}
  reported_at: {{column: change.at, formats: [iso]}}
  category: category
  urgency: {{column: urgent, map: {{"yes": URGENT}}, default: ROUTINE}}
  place: {{lat: lat, lon: lon, address: address}}
  title: title
  text: text
  channel: {{constant: database}}
""",
        "fixtures/demo.jsonl": """\
{"id": "N-1", "category": "roads.pothole", "urgent": null, "lat": "39.9087", "lon": "116.3975", "address": "1 Example Road", \
"title": "Pothole 路面坑槽", "text": "Deep, and growing", "caller": "withheld", "change.op": "snapshot", \
"change.at": "2026-01-06T08:00:00+08:00"}
{"id": "N-2", "category": "water.leak", "urgent": "yes", "lat": null, "lon": null, "address": "2 Example Road", \
"title": "Burst pipe 水管爆裂", "text": "Water on the road", "caller": "withheld", "change.op": "create", \
"change.at": "2026-01-06T08:05:30+08:00"}
{"id": "N-1", "category": "roads.collapse", "urgent": null, "lat": "39.9087", "lon": "116.3975", \
"address": "1 Example Road", "title": "Pothole 路面坑槽", "text": "It has fallen in", "caller": "withheld", \
"change.op": "update", "change.at": "2026-01-06T09:40:00+08:00"}
{"id": "N-2", "category": null, "urgent": null, "lat": null, "lon": null, "address": null, "title": null, "text": null, \
"caller": null, "change.op": "delete", "change.at": "2026-01-06T16:40:00+08:00"}
""",
    },
    "open311": {
        "mappings/demo.yaml": """\
description: The city's requests by GeoReport v2
extends: open311          # hub/sdk/mapping/bases/open311.yaml; here stands only what differs
event:
  category: {{column: service_code, map: {{"001": roads.pothole, "002": water.leak}}, default: ""}}
  urgency: {{column: service_code, map: {{"002": URGENT}}, default: ROUTINE}}
""",
        "fixtures/demo.jsonl": """\
{"service_request_id": "1001", "statement": "opened", "said_at": "2026-01-06T00:00:00Z", "status": "open", "status_word": "open", \
"service_code": "001", "service_name": "Pothole", "description": "Deep, and growing 路面坑槽", "requested_datetime": \
"2026-01-06T00:00:00Z", "expected_datetime": "2026-01-09T00:00:00Z", "address": "1 Example Road", "lat": "39.9087", "long": \
"116.3975", "email": "withheld"}
{"service_request_id": "1002", "statement": "opened", "said_at": "2026-01-06T00:05:30Z", "status": "open", "status_word": "open", \
"service_code": "002", "service_name": "Burst pipe", "description": "Water on the road 水管爆裂", "requested_datetime": \
"2026-01-06T00:05:30Z", "address": "2 Example Road", "lat": "0", "long": "0", "email": "withheld"}
{"service_request_id": "1001", "statement": "closed", "said_at": "2026-01-06T08:40:00Z", "status": "closed", "status_word": \
"fixed", "status_notes": "Filled", "service_code": "001", "service_name": "Pothole", "description": "Deep, and growing 路面坑槽", \
"requested_datetime": "2026-01-06T00:00:00Z", "updated_datetime": "2026-01-06T08:40:00Z", "address": "1 Example Road", "lat": \
"39.9087", "long": "116.3975"}
""",
    },
}
