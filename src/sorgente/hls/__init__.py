"""Playlists of HLS (RFC 8216bis)."""
