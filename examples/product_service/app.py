"""The service, put together. The two lines that make it audited: ``track`` and ``AuditMiddleware``."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from byline import AuditMiddleware, Recorder
from byline.capture.claims import TokenReader
from byline.integrations.sqlalchemy import track
from examples.database import Sessions
from examples.product_service import routes
from examples.product_service.service import Refused, UnknownProduct

NAME = "product_management"


def create_app(sessions: Sessions, recorder: Recorder, tokens: TokenReader) -> FastAPI:
    track(sessions, recorder)
    app = FastAPI(title=NAME)
    app.state.sessions = sessions
    app.include_router(routes.router)
    app.add_exception_handler(UnknownProduct, _not_found)
    app.add_exception_handler(Refused, _refused)
    app.add_middleware(AuditMiddleware, recorder=recorder, jwt=tokens, trusted_proxies=["127.0.0.1"])
    return app


def _not_found(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, 404)


def _refused(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, 409)
