"""What became of reports, back to the city that made them: GeoReport's service request updates."""
