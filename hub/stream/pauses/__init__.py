"""When a source is paused for too many rejects, who says so, and how it goes on."""
