"""The ASGI application: Django for HTTP, one socket consumer under /ws/v1."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messenger.settings")
application = get_asgi_application()
