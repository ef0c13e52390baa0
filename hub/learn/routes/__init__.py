"""Who is responsible, learnt from who was."""
