"""What could not be used or was never read, as letters in hub.dead."""
