"""The HTTP API and the page."""

from byline.web.app import create_app

__all__ = ["create_app"]
