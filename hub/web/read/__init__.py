"""What the web reads: a model of its own, made from the topics, behind a seam."""
