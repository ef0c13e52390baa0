"""Sources of alerts by CAP 1.2: weather, floods, fires, as those who warn publish them."""
