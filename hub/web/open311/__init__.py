"""Open311 by HTTP: a GeoReport v2 server over the hub's own words, in XML and JSON."""
