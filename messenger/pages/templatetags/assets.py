"""`{% stylesheet "css/x.css" %}` and `{% script "chats" %}`: the tags in full, with the digests of the files."""

from __future__ import annotations

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from messenger.pages import assets

register = template.Library()


@register.simple_tag
def stylesheet(name: str) -> SafeString:
    """<link rel="stylesheet"> of a static file."""
    found = assets.asset(name)
    return format_html('<link rel="stylesheet" href="{}" integrity="{}">', found.url, found.integrity)


@register.simple_tag
def script(entry: str) -> SafeString:
    """<script type="module"> of a page that Vite built, and a preload for each chunk that it imports."""
    first, *chunks = assets.script(entry)
    preloads = format_html_join(
        "", '<link rel="modulepreload" href="{}" integrity="{}" crossorigin="anonymous">',
        ((chunk.url, chunk.integrity) for chunk in chunks),
    )  # fmt: skip
    return format_html(
        '{}<script type="module" src="{}" integrity="{}" crossorigin="anonymous"></script>',
        preloads,
        first.url,
        first.integrity,
    )
