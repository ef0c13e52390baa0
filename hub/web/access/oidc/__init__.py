"""Logging in by a provider that vouches for people: OpenID Connect, code flow with PKCE."""
