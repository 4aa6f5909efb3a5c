"""Who is asking: bearer tokens on the API."""

from rest_framework.authentication import BaseAuthentication


class BearerAuthentication(BaseAuthentication):
    """Placeholder until tokens exist: nobody is signed in."""

    def authenticate(self, request):  # type: ignore[no-untyped-def]
        return None
