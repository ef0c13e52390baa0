"""Cases and their reports, as the route agent keeps them."""
