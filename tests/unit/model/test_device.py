"""What a user agent tells: browser, kind of device, operating system (INTERFACE, the worked example)."""

from __future__ import annotations

import subprocess
import sys

import pytest

from byline.model.device import MAX_LENGTH, MAX_NAME, Device, device

APPLE = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X)"

KNOWN = [
    (
        f"{WINDOWS} AppleWebKit/537.36 (KHTML, like Gecko) Chrome/84.0.4147.89 Safari/537.36",
        "chrome",
        "web",
        "windows 10",
    ),
    (f"{WINDOWS} {CHROME} Safari/537.36 Edg/120.0.0.0", "edge", "web", "windows 10"),
    (f"{WINDOWS} {CHROME} Safari/537.36 OPR/105.0.0.0", "opera", "web", "windows 10"),
    ("Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko", "ie", "web", "windows 10"),
    ("Mozilla/5.0 (Windows NT 6.3; Win64; x64; rv:109.0) Gecko/20100101 Firefox/115.0", "firefox", "web", "windows 8"),
    ("Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 5.1; Trident/4.0)", "ie", "web", "windows xp"),
    (
        f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {APPLE} Version/17.1 Safari/605.1.15",
        "safari",
        "web",
        "mac os x 10",
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:120.0) Gecko/20100101 Firefox/120.0",
        "firefox",
        "web",
        "mac os x 10",
    ),
    ("Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0", "firefox", "web", "ubuntu"),
    (f"Mozilla/5.0 (X11; Linux x86_64) {CHROME} Safari/537.36", "chrome", "web", "linux"),
    (f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {CHROME} Safari/537.36", "chrome", "web", "chrome os 14541"),
    ("Mozilla/5.0 (X11; FreeBSD amd64; rv:109.0) Gecko/20100101 Firefox/115.0", "firefox", "web", "freebsd"),
    (f"{IPHONE} {APPLE} Version/17.1 Mobile/15E148 Safari/604.1", "mobile safari", "mobile", "ios 17"),
    (f"{IPHONE} {APPLE} CriOS/119.0.6045.109 Mobile/15E148 Safari/604.1", "chrome mobile ios", "mobile", "ios 17"),
    (
        f"Mozilla/5.0 (iPod touch; CPU iPhone OS 12_0 like Mac OS X) {APPLE} Mobile/15E148 Safari/604.1",
        "mobile safari",
        "mobile",
        "ios 12",
    ),
    ("MyApp/3.2 CFNetwork/1485 Darwin/23.1.0", "myapp", "mobile", "ios 17"),
    (f"Mozilla/5.0 (Linux; Android 10; K) {CHROME} Mobile Safari/537.36", "chrome mobile", "mobile", "android 10"),
    ("Mozilla/5.0 (Android 13; Mobile; rv:109.0) Gecko/118.0 Firefox/118.0", "firefox mobile", "mobile", "android 13"),
    ("Dalvik/2.1.0 (Linux; U; Android 13; Pixel 7 Build/TQ3A.230805.001)", "android", "mobile", "android 13"),
    (
        f"Mozilla/5.0 (Linux; Android 9; CUBOT X19) {CHROME} Mobile Safari/537.36",
        "chrome mobile",
        "mobile",
        "android 9",
    ),
    (
        "Opera/9.80 (J2ME/MIDP; Opera Mini/4.2/28.3492; U; en) Presto/2.8.119 Version/11.10",
        "opera mini",
        "mobile",
        None,
    ),
    (
        "Mozilla/5.0 (KAIOS; Mobile; Nokia 8110 4G; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5",
        "firefox mobile",
        "mobile",
        "kaios 2",
    ),
    (
        f"Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) {APPLE} Version/16.6 Mobile/15E148 Safari/604.1",
        "mobile safari",
        "tablet",
        "ios 16",
    ),
    (f"Mozilla/5.0 (Linux; Android 13; SM-X906C) {CHROME} Safari/537.36", "chrome", "tablet", "android 13"),
    ("Mozilla/5.0 (Android 12; Tablet; rv:109.0) Gecko/118.0 Firefox/118.0", "firefox mobile", "tablet", "android 12"),
    (
        "Mozilla/5.0 (Linux; Android 9; KFMAWI) AppleWebKit/537.36 Silk/108.4.6 like Chrome/108.0 Safari/537.36",
        "amazon silk",
        "tablet",
        "android 9",
    ),
    ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "googlebot", "bot", None),
    (
        f"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X) {CHROME} Mobile Safari/537.36 (compatible; Googlebot/2.1)",
        "googlebot",
        "bot",
        "android 6",
    ),
    ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "bingbot", "bot", None),
    ("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", "facebookbot", "bot", None),
    ("UptimeRobot/2.0", "uptimerobot", "bot", None),
    ("kube-probe/1.28", None, "bot", None),
    ("ELB-HealthChecker/2.0", None, "bot", None),
    (
        f"{WINDOWS} AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0.0.0 Safari/537.36",
        "headlesschrome",
        "bot",
        "windows 10",
    ),
    ("curl/8.4.0", "curl", "other", None),
    ("python-requests/2.31.0", "python requests", "other", None),
    ("python-httpx/0.25.2", None, "other", None),
    ("PostmanRuntime/7.36.0", "postmanruntime", "other", None),
    ("okhttp/4.12.0", "okhttp", "other", None),
    ("Go-http-client/1.1", "go-http-client", "other", None),
    ("Java/17.0.2", "java", "other", None),
    (
        "Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) AppleWebKit/538.1 (KHTML, like Gecko) Version/6.0 TV Safari/538.1",
        "safari",
        "other",
        "tizen 6",
    ),
    (f"Mozilla/5.0 (Linux; Android 9; AFTMM Build/PS7233) {CHROME} Safari/537.36", "chrome", "other", "android 9"),
    (f"{WINDOWS[:-1]}; Xbox; Xbox One) {CHROME} Safari/537.36 Edge/18.17763", "edge", "other", "windows 10"),
    ("something nobody has heard of", None, "other", None),
]


@pytest.mark.parametrize(("user_agent", "browser", "kind", "os"), KNOWN)
def test_a_real_user_agent_is_told_apart(user_agent: str, browser: str | None, kind: str, os: str | None) -> None:
    assert device(user_agent) == Device(browser, kind, os)  # type: ignore[arg-type]


@pytest.mark.parametrize("nothing", [None, "", 17, {"a": 1}])
def test_without_a_user_agent_all_three_are_null(nothing: object) -> None:
    assert device(nothing) == Device(None, None, None)  # type: ignore[arg-type]


def test_a_hostile_user_agent_costs_no_more_than_its_first_characters() -> None:
    user_agent = KNOWN[0][0]
    assert device(user_agent + "(" * 5_000_000) == device(user_agent)
    assert device(" " * MAX_LENGTH + user_agent).browser_name is None
    assert device("\x00\ud800é😀" * 100) == Device(None, "other", None)
    name = device("A" * 1000 + "/1.0 CFNetwork/1485 Darwin/23.1.0").browser_name
    assert name is not None
    assert len(name) <= MAX_NAME


def test_the_parser_is_loaded_only_when_there_is_something_to_parse() -> None:
    program = "import sys, byline.model.device as d; d.device(None); assert 'ua_parser' not in sys.modules; "
    program += "d.device('curl/8'); assert 'ua_parser' in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
