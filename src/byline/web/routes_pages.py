"""All pages, and the little that their script asks for."""

from __future__ import annotations

from fastapi import APIRouter

from byline.web.pages import (
    routes_dead,
    routes_embed,
    routes_entity_page,
    routes_find,
    routes_front,
    routes_live,
    routes_request,
    routes_unexplained,
    routes_user,
)

router = APIRouter(include_in_schema=False)

for _routes in (
    routes_front,
    routes_entity_page,
    routes_request,
    routes_user,
    routes_unexplained,
    routes_dead,
    routes_find,
    routes_live,
    routes_embed,
):
    router.include_router(_routes.router)
