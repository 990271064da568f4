"""Pages of the site, in a browser that reaches nothing but this machine.

    with on_site.serve(folder) as url, on_site.watched(browser) as page:
        page.goto(f"{url}04_amdahl.html")
        on_site.wake(page)

`folder` holds a site.
"""

import functools
import http.server
import re
import threading
from contextlib import contextmanager

START_SECONDS = 120  # for Python to start on a machine that others use
ELSEWHERE = re.compile(r"^(?:https?|wss?)://(?!127\.0\.0\.1[:/])")

AWAKE = """() => [...document.querySelectorAll('.live[data-kind=control]')].every(place =>
    'alive' in place.dataset && place.querySelector('[role=slider][aria-label], select'))"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextmanager
def serve(folder):
    """A server of a folder; gives its address."""
    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@contextmanager
def watched(browser, **settings):
    """A page whose `log` holds messages, errors and requests to any other host."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, **settings)
    page = context.new_page()
    page.log = []
    page.on("console", lambda message: page.log.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: page.log.append(f"error: {error}"))
    page.on("requestfailed", lambda request: page.log.append(f"failed: {request.url[:80]}"))
    ours = ("file:", "data:", "blob:", "http://127.0.0.1:")
    page.on("request", lambda r: r.url.startswith(ours) or page.log.append(r.url))
    context.route(ELSEWHERE, lambda route: route.abort())
    try:
        yield page
    finally:
        context.close()


def wake(page):
    """Touch every control of a page by keyboard, and wait until all are alive."""
    for place in page.query_selector_all(".live[data-kind=control]"):
        place.query_selector(".live-start").focus()
        page.keyboard.press("Enter")
    page.wait_for_function(AWAKE, timeout=1000 * START_SECONDS)
