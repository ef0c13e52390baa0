"""The three Faust agents. Each fits on a screen: what is decided is in hub/core, how it is committed in hub/stream."""
