"""Systems that answer over HTTP, declared: address, auth, paging, which field says what is new."""
