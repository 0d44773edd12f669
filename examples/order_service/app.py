"""The service, put together."""

from __future__ import annotations

import httpx
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from byline import AuditMiddleware, Recorder
from byline.capture.claims import TokenReader
from byline.integrations.sqlalchemy import track
from examples.database import Sessions
from examples.order_service import routes
from examples.order_service.products import ProductsFailed
from examples.order_service.service import Refused, UnknownOrder

NAME = "orders"


def create_app(sessions: Sessions, recorder: Recorder, tokens: TokenReader, products_url: str) -> FastAPI:
    track(sessions, recorder)
    app = FastAPI(title=NAME)
    app.state.sessions = sessions
    app.state.products = httpx.Client(base_url=products_url, timeout=10, trust_env=False)
    app.include_router(routes.router)
    app.add_exception_handler(UnknownOrder, _not_found)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(ProductsFailed, _products_failed)
    app.add_middleware(AuditMiddleware, recorder=recorder, jwt=tokens, trusted_proxies=["127.0.0.1"])
    return app


def _not_found(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, 404)


def _refused(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, 409)


def _products_failed(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, error.status if isinstance(error, ProductsFailed) else 502)
