"""``sorgente token``: tokens (JWT) for an origin."""
