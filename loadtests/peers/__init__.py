"""The contenders that are not the hub. Each module is a program; each runs in an environment of its own and imports no hub code."""
