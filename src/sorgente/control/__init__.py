"""What is not the media path, as an ASGI application: health, metrics, pages."""
