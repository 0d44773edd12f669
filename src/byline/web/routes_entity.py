"""``/v1/entity``: an entity as it was at a moment, and who set each attribute last."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from byline.model.query import Query
from byline.processor.answers import EntityState, entity_state
from byline.processor.blame import blame
from byline.web.answer import answer
from byline.web.caller import Caller, CallerOf
from byline.web.openapi import answers, parameters
from byline.web.params import ENTITY_AT, read
from byline.web.refusals import NotFound
from byline.web.shapes import Entity
from byline.web.site import Site, SiteOf

router = APIRouter(prefix="/v1", tags=["history"])


@router.get(
    "/entity",
    summary="An entity as it was, and who set each attribute last",
    response_class=Response,
    responses=answers(Entity, "The entity at that time.", problems=(400, 401, 403, 404, 429, 503)),
    openapi_extra=parameters(ENTITY_AT),
)
def entity(request: Request, site: SiteOf, caller: CallerOf) -> Response:
    values = read(request.scope["query_string"], ENTITY_AT)
    table_id, entity_id = values["table_id"], values["entity_id"]
    found = entity_state(site.reader, site.bucket, table_id, entity_id, at=values.get("at"), within=caller.within)
    if not _is_known(site, caller, found):
        raise NotFound("No event of this entity is known.")
    return answer(
        Entity(
            table_id=table_id,
            entity_id=entity_id,
            as_of=found.as_of,
            state=found.state,
            event_id=found.event.event_id if found.event else None,
            notes=found.notes,
            blame=blame(site.reader, site.bucket, found, within=caller.within),
        )
    )


def _is_known(site: Site, caller: Caller, found: EntityState) -> bool:
    """Before its first event an entity was not there, which is an answer; one that has no event at all is not known."""
    if found.event is not None or found.notes:
        return True
    any_event = Query(table_id=found.table_id, entity_id=found.entity_id, limit=1, within=caller.within)
    return bool(site.reader.events(any_event).rows)
