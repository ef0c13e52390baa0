"""Points, reference systems and areas."""
