"""Byline: who changed what, when, and in which request.

What a service imports. Everything else is inside, and may move.
"""

from byline._version import __version__
from byline.capture.asgi import AuditMiddleware
from byline.capture.claims import ClaimMap, GatewayVerified
from byline.capture.context import bind, carry, current, dump_context, load_context, outgoing_headers
from byline.capture.memory import MemorySink
from byline.capture.recorder import Recorder
from byline.capture.redaction import Masking
from byline.capture.request_context import RequestContext
from byline.capture.wsgi import AuditWsgiMiddleware
from byline.model.event import User

__all__ = [
    "AuditMiddleware",
    "AuditWsgiMiddleware",
    "ClaimMap",
    "GatewayVerified",
    "Masking",
    "MemorySink",
    "Recorder",
    "RequestContext",
    "User",
    "__version__",
    "bind",
    "carry",
    "current",
    "dump_context",
    "load_context",
    "outgoing_headers",
]
