"""GeoReport v2 (Open311): its documents, read and rendered as XML and as JSON from one model, for client and server alike. Pure.

https://wiki.open311.org/GeoReport_v2; updates of requests are mySociety's extension. `documents.py` has the documents, `models.py`
the records that they hold, `wording.py` what systems mean by a status and by a text.
"""
