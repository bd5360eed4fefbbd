"""The built docs in a browser, on a desk and on a phone: nothing is cut, missing or fetched."""

import json
from dataclasses import dataclass
from urllib.parse import quote, urldefrag

import pytest

pytestmark = pytest.mark.site
DESK, PHONE = 1280, 390  # pixels

# Elements that reach beyond the right edge of the window, outside of boxes that scroll. The
# article itself is no such box: a reader should not have to move the text to and fro.
CUT = """
const scrolls = (e) => e && e.tagName != "ARTICLE" && (
    ["auto", "scroll"].includes(getComputedStyle(e).overflowX)
    ? e.getBoundingClientRect().right <= innerWidth + 1 : scrolls(e.parentElement));
const wide = document.scrollingElement.scrollWidth > innerWidth ? ["the page"] : [];
return wide.concat([...document.querySelectorAll("main *")]
    .filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !scrolls(e))
    .filter((e) => e.checkVisibility({visibilityProperty: true, opacityProperty: true}))
    .map((e) => e.outerHTML.slice(0, 100)));
"""
# Blocks of code that need scrolling, by their longest line.
LONG_CODE = """
return [...document.querySelectorAll("main pre")]
    .filter((e) => e.scrollWidth > e.clientWidth + 1)
    .map((e) => e.innerText.split("\\n").reduce((a, b) => (a.length > b.length ? a : b)));
"""
CONTENT = """
const prose = document.querySelector("main").cloneNode(true);
prose.querySelectorAll("pre, code, script, style").forEach((e) => e.remove());
const isDrawn = (e) => e.getBoundingClientRect().width > 0 || !e.checkVisibility();
return {
    raw: prose.textContent.match(/\\\\[(\\[]|\\$\\$|\\\\(frac|odot|sigma)/g) || [],
    formulas: document.querySelectorAll("math").length,
    undrawn: [...document.querySelectorAll("math, main img")].filter((e) => !isDrawn(e))
        .map((e) => e.outerHTML.slice(0, 100)),
    links: [...document.querySelectorAll("a[href]")].map((e) => e.href),
    ids: [...document.querySelectorAll("[id]")].map((e) => e.id),
};
"""


@dataclass(frozen=True)
class Visit:
    """What the browser found on one page."""

    cut: dict[int, list[str]]  # by the width of the window
    long_code: list[str]
    content: dict
    requests: list[str]
    failures: list[str]
    console: list[str]


def set_width(browser, width):
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width == PHONE}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def network(browser):
    """Return the addresses that were asked for since the last call, and what went wrong."""
    requests, failures = [], []
    for entry in browser.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        event, values = message["method"], message["params"]
        if event == "Network.requestWillBeSent":
            requests.append(values["request"]["url"])
        elif event == "Network.responseReceived" and values["response"]["status"] >= 400:
            failures.append(f"{values['response']['status']} {values['response']['url']}")
        elif event == "Network.loadingFailed" and not values.get("canceled"):
            failures.append(values["errorText"])
    return requests, failures


def visit(browser, url):
    set_width(browser, DESK)
    browser.get(url)
    content, long_code = browser.execute_script(CONTENT), browser.execute_script(LONG_CODE)
    cut = {DESK: browser.execute_script(CUT)}
    set_width(browser, PHONE)
    cut[PHONE] = browser.execute_script(CUT)
    logged = browser.get_log("browser")
    console = [entry["message"] for entry in logged if entry["level"] == "SEVERE"]
    return Visit(cut, long_code, content, *network(browser), console)


@pytest.fixture(scope="module")
def visits(browser, address, pages):
    return {page: visit(browser, address + page) for page in pages}


def found(visits, look):
    """Return what `look` finds, by page, without the pages where it finds nothing."""
    return {page: some for page, one in visits.items() if (some := look(one))}


def test_the_site_has_its_parts(pages):
    assert {"index.html", "quick_start.html", "api.html", "search.html"} <= set(pages)
    assert "generated/sklstm.LSTMClassifier.html" in pages


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_nothing_is_cut_at_the_right(visits, width):
    assert not found(visits, lambda one: one.cut[width])


def test_code_of_88_characters_fits_the_desk(visits):
    assert not found(visits, lambda one: [line for line in one.long_code if len(line) <= 88])


def test_nothing_is_fetched_from_elsewhere(visits, address):
    def foreign(url):  # the browser's own pages have addresses of another kind
        return url.startswith(("http:", "https:", "//")) and not url.startswith(address)

    assert all(one.requests for one in visits.values())
    assert not found(visits, lambda one: [url for url in one.requests if foreign(url)])


def test_every_request_is_answered(visits):
    assert not found(visits, lambda one: one.failures)


def test_the_console_has_no_errors(visits):
    assert not found(visits, lambda one: one.console)


def test_formulas_and_pictures_are_drawn(visits):
    assert sum(one.content["formulas"] for one in visits.values()) > 10
    assert not found(visits, lambda one: one.content["undrawn"])
    assert not found(visits, lambda one: one.content["raw"])


def test_every_link_within_the_site_has_a_target(visits, address, site):
    ids = {page: set(one.content["ids"]) for page, one in visits.items()}

    def is_dead(url):
        page, fragment = urldefrag(url.removeprefix(address))
        page = page.partition("?")[0] or "index.html"
        if page in ids:
            return bool(fragment) and fragment not in ids[page]
        return not (site / page).is_file()

    def dead(one):
        return [url for url in one.content["links"] if url.startswith(address) and is_dead(url)]

    assert sum(len(one.content["links"]) for one in visits.values()) > 1000
    assert not found(visits, dead)


def results(browser, address, words):
    """Return the titles that the search page finds."""
    from selenium.webdriver.support.ui import WebDriverWait

    browser.get(f"{address}search.html?q={quote(words)}")
    done = "return !!document.querySelector('#search-results .search-summary')?.textContent.trim()"
    WebDriverWait(browser, 20).until(lambda browser: browser.execute_script(done))
    titles = "return [...document.querySelectorAll('#search-results li a')].map(a => a.innerText)"
    return browser.execute_script(titles)


@pytest.mark.parametrize("words", ["GPU", "ensemble", "missing values", "several series"])
def test_search_finds(browser, address, words):
    assert results(browser, address, words)


def test_search_does_not_find_everything(browser, address):
    assert not results(browser, address, "xylophone")


def test_code_has_copy_buttons_and_output_has_none(browser, address):
    browser.get(f"{address}index.html")
    has_button = "return [...document.querySelectorAll('div.highlight-%s div.highlight')]"
    has_button += ".map((e) => !!e.querySelector('button.copybtn'))"
    for language, expected in {"sh": {True}, "python": {True}, "text": {False}}.items():
        assert set(browser.execute_script(has_button % language)) == expected, language
