"""The HTTP API: programs show a token at the gate; pages, and what they link to, go to the application, which asks
everyone."""

from __future__ import annotations

import re

from tests.unit.infra.templates import INFRA, resource, resources

WEB = INFRA.parent / "src/byline/web"


def routes() -> dict[str, bool]:
    """Whether the gateway asks for a token, by route."""
    return {
        route["RouteKey"]: route.get("AuthorizationType") == "JWT"
        for route in resources("AWS::ApiGatewayV2::Route").values()
    }


def test_programs_show_a_token() -> None:
    assert routes()["ANY /v1/{proxy+}"] is True
    token = resource("ApiToken")
    assert (token["AuthorizerType"], token["JwtConfiguration"]) == (
        "JWT",
        {"Issuer": {"Ref": "JwtIssuer"}, "Audience": [{"Ref": "JwtAudience"}]},
    )


def test_a_browser_may_ask_first_without_a_token() -> None:
    assert routes()["OPTIONS /v1/{proxy+}"] is False


def test_what_pages_link_to_and_nothing_else_under_v1_is_open_to_a_cookie() -> None:
    sources = [*(WEB / "pages").glob("*.py"), *(WEB / "templates").glob("*.html"), *(WEB / "static").glob("*.js")]
    linked = {link for source in sources for link in re.findall(r"""["'](/v1/[a-z/-]*)""", source.read_text())}
    opened = {key.removeprefix("GET ") for key, asks in routes().items() if not asks and key.startswith("GET ")}
    assert {re.sub(r"\{\w+\}$", "", path) for path in opened} == linked


def test_everything_else_reaches_the_application() -> None:
    assert routes()["$default"] is False


def test_the_gateway_may_call_the_alias_and_does() -> None:
    alias = {"Ref": "QueryLive"}
    assert resource("ApiQuery")["IntegrationUri"] == alias
    right = resource("ApiQueryRight")
    assert (right["FunctionName"], right["Principal"]) == (alias, "apigateway.amazonaws.com")
    assert resource("ApiQuery")["PayloadFormatVersion"] == "2.0"


def test_requests_are_bounded_and_noted_without_what_was_asked() -> None:
    stage = resource("ApiStage")
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] == {"Ref": "RequestsPerSecond"}
    assert "path" not in stage["AccessLogSettings"]["Format"]
    assert "query" not in stage["AccessLogSettings"]["Format"].lower()
