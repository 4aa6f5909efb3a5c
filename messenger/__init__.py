"""The project: settings, URLs, ASGI, wiring."""
