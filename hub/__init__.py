"""CityHub: links a city's departmental systems by a stream of case events."""
