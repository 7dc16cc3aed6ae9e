"""Tokens: what a JWT says that its holder may do, and whether to believe it (RFC 7519)."""
