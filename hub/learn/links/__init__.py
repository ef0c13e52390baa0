"""When two reports are one case, learnt from what a city linked."""
