"""What every service needs around its routes: its sessions, sign-in, and a start."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

import uvicorn
from fastapi import FastAPI, HTTPException, Request

from byline import User, current
from byline.capture.jwt import JwtVerifier
from examples.database import Sessions


def sessions_of(request: Request) -> Sessions:
    """A dependency: the service's sessions."""
    sessions: Sessions = request.app.state.sessions
    return sessions


def signed_in() -> User:
    """A dependency: whoever the token names. It is the very user that the history will name."""
    context = current()
    user = context.user() if context is not None else None
    if user is None:
        raise HTTPException(401, "Sign in: send a valid bearer token.", {"www-authenticate": "Bearer"})
    return user


def tokens() -> JwtVerifier:
    """Who may call, as the environment says. ``SHOP_JWKS`` holds the public keys; an identity provider gives their
    address instead (``jwks_url=``)."""
    return JwtVerifier(
        issuer=os.environ["SHOP_ISSUER"], audience=os.environ["SHOP_AUDIENCE"], jwks=os.environ["SHOP_JWKS"]
    )


def serve(app: FastAPI, arguments: Sequence[str] | None = None) -> None:
    """Answer on ``--port`` (0: a free one) until SIGINT or SIGTERM, and print the address."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    port = parser.parse_args(arguments).port
    config = uvicorn.Config(app, port=port, log_level="warning")
    listening = config.bind_socket()
    listening.listen()  # from here on calls wait for the server instead of being refused
    print(f"{app.title}: http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    uvicorn.Server(config).run(sockets=[listening])
