"""Cities that speak Open311 GeoReport v2: requests by stretches of time, changes of old ones, and their updates."""
