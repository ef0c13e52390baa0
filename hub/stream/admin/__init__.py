"""What an administrator sees to at the broker: the topics with their settings, users and their rights."""
