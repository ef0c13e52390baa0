"""Commands about cases: their list, one case's story, what departments say, rates, and erasing."""
