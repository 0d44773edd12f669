"""Who calls. Every route gets its caller from here, and only from here.

What a caller may see has one source, :attr:`Caller.within`: one without an account and without the scope for all of
them cannot even ask, so a route that forgets to check shows nothing.
"""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends
from msgspec import Struct
from starlette.requests import Request

from byline.web.refusals import Forbidden

ALL_ACCOUNTS: Final = "byline:all-accounts"
ADMIN: Final = "byline:admin"
WRITE: Final = "byline:write"
SCOPES: Final = frozenset((ALL_ACCOUNTS, ADMIN, WRITE))


class Caller(Struct, frozen=True, kw_only=True):
    """Whoever is behind a call, as the token's claims tell."""

    subject: str | None = None
    name: str | None = None
    email: str | None = None
    account_id: str | None = None
    """The account in the token; see :attr:`within` for what it limits."""
    scopes: frozenset[str] = frozenset()
    verified_by: str | None = None
    """The issuer that vouches for all of this."""
    expires_at: float | None = None
    """When the token ends, in seconds since 1970."""
    local: bool = False
    """Nobody is asked for a name: Byline has no sign-in set up, and answers on loopback only. Everything is allowed."""

    @property
    def within(self) -> str | None:
        """The account to which every answer is confined; ``None`` lifts the limit. Raises
        :class:`~byline.web.refusals.Forbidden` where the token neither names an account nor lifts the limit."""
        if self.all_accounts:
            return None
        if not self.account_id:
            raise Forbidden(f"The token names no account, and has not the scope {ALL_ACCOUNTS}.", scope=ALL_ACCOUNTS)
        return self.account_id

    @property
    def all_accounts(self) -> bool:
        return self.local or ALL_ACCOUNTS in self.scopes

    @property
    def admin(self) -> bool:
        """May see and replay dead letters, and read the metrics."""
        return self.local or ADMIN in self.scopes

    @property
    def write(self) -> bool:
        """May send events."""
        return self.local or WRITE in self.scopes

    def require(self, scope: str) -> None:
        """Raises :class:`~byline.web.refusals.Forbidden` where the caller has not this scope."""
        if not self.local and scope not in self.scopes:
            raise Forbidden(f"This needs the scope {scope}.", scope=scope)


LOCAL: Final = Caller(local=True, scopes=SCOPES)


async def signed_in(request: Request) -> Caller:
    """Whoever is behind this call, whatever they may do. Raises :class:`~byline.web.refusals.Unauthorized`."""
    found: Caller = await request.app.state.sign_in.caller(request)
    request.app.state.rates.count(found)
    return found


SignedIn = Annotated[Caller, Depends(signed_in)]


async def caller(request: Request, who: SignedIn) -> Caller:
    """The reader behind this call, who may see something. That they read is recorded, where reads are."""
    _ = who.within
    request.state.reader = who
    return who


async def writer(who: SignedIn) -> Caller:
    """A caller who may send events."""
    who.require(WRITE)
    return who


async def admin(who: SignedIn) -> Caller:
    """A caller who may see what is no account's: dead letters, metrics."""
    who.require(ADMIN)
    return who


CallerOf = Annotated[Caller, Depends(caller)]
WriterOf = Annotated[Caller, Depends(writer)]
AdminOf = Annotated[Caller, Depends(admin)]
