"""A browser opens the docs that were built in the folder that SKLSTM_SITE names."""

import functools
import http.server
import os
import shutil
import threading
from pathlib import Path

import pytest

SITE = os.environ.get("SKLSTM_SITE")
collect_ignore = [] if SITE else ["test_site.py"]
OPTIONS = (
    "--headless",
    "--no-sandbox",  # containers run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "about:blank",  # its own first page would go on loading beside ours
)


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def site():
    return Path(SITE)


@pytest.fixture(scope="session")
def pages(site):
    """Return the names of the pages, without the source code of the modules."""
    names = sorted(str(path.relative_to(site)) for path in site.rglob("*.html"))
    return [name for name in names if not name.startswith(("_modules/", "_static/"))]


@pytest.fixture(scope="session")
def address(site):
    handler = functools.partial(QuietHandler, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('profile')}")
    for option in OPTIONS:
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    yield driver
    driver.quit()
