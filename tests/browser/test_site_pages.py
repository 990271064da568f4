"""The pages of the site in a real browser, from a server on this machine and from the disk.

Every other host is out of reach. What comes alive in a page is tested elsewhere.
"""

import functools
import http.server
import re
import threading
from types import SimpleNamespace

import pytest
from axe_playwright_python.sync_playwright import Axe

from helpers.publishing.notebooks import PAGES, SERIES
from helpers.publishing.site import book, build, lite, live, vendor
from test_slides import A4_WIDTH, BROKEN

NAMES = ["index.html", *(f"{p.stem}.html" for p in [*(n.path for n in SERIES), *PAGES])]
FIRST_PAINT = 1.0  # s
NARROW = {"width": 360, "height": 640}
# What sticks out of the window, formulas included; what scrolls by itself may.
TOO_WIDE = """[...document.querySelectorAll("body *")]
    .filter(e => e.checkVisibility() && !e.closest(".wide, .skip, mfrac, mrow")
        && e.getBoundingClientRect().right > innerWidth + 1)
    .map(e => e.tagName + ": " + e.textContent.trim().slice(0, 60))"""
TOO_WIDE_ON_PAPER = TOO_WIDE.replace(".wide, ", "")
TWO_FRAMES = "new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)))"
PAINTED = """new Promise(resolve => new PerformanceObserver(list => {
    for (const entry of list.getEntries())
        if (entry.name === "first-contentful-paint") resolve(entry.startTime / 1000);
}).observe({type: "paint", buffered: true}))"""


@pytest.fixture(scope="module")
def site(browser, tmp_path_factory):
    """The site without its book, served: its `folder`, and its address as `url`."""

    def build_nothing(folder, offline):
        raise vendor.Missing("tested elsewhere")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(live, "build", build_nothing)
        patch.setattr(lite, "build", build_nothing)
        patch.setattr(book, "build", lambda *_: [])
        folder = build.build_site(tmp_path_factory.mktemp("site") / "site").parent
    handler = functools.partial(QuietHandler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield SimpleNamespace(folder=folder, url=f"http://127.0.0.1:{server.server_port}/")
        server.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def page(browser, site):
    with watched(browser) as page:
        yield page


class watched:
    """A page whose `log` holds messages, errors and requests to any other host."""

    def __init__(self, browser, **settings):
        self.context = browser.new_context(viewport={"width": 1280, "height": 800}, **settings)

    def __enter__(self):
        page = self.context.new_page()
        page.log = []
        page.on("console", lambda message: page.log.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: page.log.append(f"error: {error}"))
        page.on("requestfailed", lambda request: page.log.append(f"failed: {request.url[:80]}"))
        ours = ("file:", "data:", "http://127.0.0.1:")
        page.on("request", lambda r: r.url.startswith(ours) or page.log.append(r.url))
        page.context.route(
            re.compile(r"^https?://(?!127\.0\.0\.1[:/])"), lambda route: route.abort()
        )
        return page

    def __exit__(self, *_):
        self.context.close()


def serious(page):
    found = Axe().run(page).response["violations"]
    return [
        (rule["id"], node["html"][:200], node["failureSummary"])
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_page_can_be_read_by_everybody(site, page, name):
    """In the light, in the dark, in a narrow window; and it asks no other host for anything."""
    page.goto(site.url + name)
    assert serious(page) == []
    page.click("#theme")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 24, 29)"
    page.set_viewport_size(NARROW)
    page.evaluate(TWO_FRAMES)
    assert serious(page) == []
    assert page.evaluate(TOO_WIDE) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.log == []


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_is_seen(site, page, name):
    page.goto(site.url + name)
    broken = page.evaluate("""async () => {
        const bad = [];
        for (const image of document.images) {
            image.loading = "eager";
            await image.decode().catch(() => bad.push(image.src));
            if (image.getBoundingClientRect().width > image.naturalWidth + 13) bad.push(image.src);
        }
        return bad;
    }""")
    assert broken == []


def test_the_first_paint_is_soon(site, browser):
    slow = {}
    for name in ("index.html", "02_computing_device.html", "06_deep_learning_engines.html"):
        times = []
        for _ in range(2):
            with watched(browser) as page:  # nothing is kept from the visit before
                page.goto(site.url + name)
                times.append(page.evaluate(PAINTED))
        slow[name] = min(times)
    assert {name: seconds for name, seconds in slow.items() if seconds > FIRST_PAINT} == {}


@pytest.mark.parametrize("name", NAMES)
def test_a_page_prints_on_a4_without_scripts(site, browser, name):
    with watched(browser, java_script_enabled=False) as page:
        page.set_viewport_size({"width": A4_WIDTH, "height": 1000})
        page.emulate_media(media="print")
        page.goto(site.url + name)
        assert page.evaluate(TOO_WIDE_ON_PAPER) == []
        assert page.evaluate(f"({BROKEN})(document.body)") == []
        for hidden in ("header", ".contents", ".steps"):
            assert not page.is_visible(hidden)


def tab_to(page, selector, most=60):
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate(f"document.activeElement.matches({selector!r})"):
            return
    raise AssertionError(f"{selector} is not reached by Tab")


def test_the_first_tab_leads_past_the_bar_to_the_text(site, page):
    page.goto(site.url + NAMES[4])
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the text"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("Boolean(document.activeElement.closest('main'))")


def test_code_is_folded_by_keyboard_and_stays_so_on_the_next_page(site, page):
    page.goto(site.url + "03_roofline.html")
    opened = page.locator("details.code[open]").count()
    assert opened > 10
    tab_to(page, "#code")
    assert page.get_attribute("#code", "aria-pressed") == "true"
    page.keyboard.press("Enter")
    assert page.locator("details.code[open]").count() == 0
    page.click("a[rel=next]")
    page.wait_for_url("**/04_amdahl.html")
    assert page.get_attribute("#code", "aria-pressed") == "false"
    assert page.locator("details.code[open]").count() == 0
    page.locator("details.code summary").nth(2).click()  # one cell can be opened all the same
    assert page.locator("details.code[open]").count() == 1
    page.go_back()
    page.click("#code")
    assert page.locator("details.code[open]").count() == opened


def test_light_and_dark_follow_the_system_until_the_reader_chooses(site, page):
    page.emulate_media(color_scheme="dark")
    page.goto(site.url)
    paper = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(paper)
    assert page.get_attribute("#theme", "aria-pressed") == "true"
    # A picture keeps the white on which it is drawn.
    assert page.evaluate("getComputedStyle(document.images[0]).backgroundColor") == (
        "rgb(255, 255, 255)"
    )
    tab_to(page, "#theme")
    page.keyboard.press("Space")
    assert page.evaluate(paper) == "rgb(255, 255, 255)" != dark
    page.reload()
    assert page.evaluate(paper) == "rgb(255, 255, 255)"


@pytest.mark.parametrize("from_disk", [False, True])
def test_the_search_finds_a_section_by_keyboard(site, page, from_disk):
    """From a server, and from a page that was opened as a file."""
    page.goto((site.folder.as_uri() + "/" if from_disk else site.url) + "01_compute_budget.html")
    page.keyboard.press("/")
    page.keyboard.type("ridge poi")
    page.wait_for_selector("#found a")
    assert page.inner_text("#found p[role=status]").endswith("places")
    first = page.locator("#found a").first
    assert first.inner_text() == "03 · Roofline: how fast can it go?: The ridge point"
    if not from_disk:  # axe fetches the styles, which a page from the disk must not
        assert serious(page) == []
    page.keyboard.press("Escape")
    assert not page.is_visible("#found")
    page.keyboard.type("ridge point")  # Escape has emptied the field, as in any search field
    page.wait_for_selector("#found a")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_url("**/03_roofline.html#The-ridge-point")
    assert page.log == []


def test_a_search_without_a_result_says_so(site, page):
    page.goto(site.url)
    page.fill("#search", "zzzzqqqq")
    page.wait_for_function("document.querySelector('#found p').textContent === '0 places'")


def test_without_scripts_a_page_lacks_nothing_but_its_switches(site, browser):
    with watched(browser, java_script_enabled=False) as page:
        page.goto(site.url + "03_roofline.html")
        assert not page.is_visible("search") and not page.is_visible("#code")
        assert page.is_visible(".outline a")
        assert page.locator("details.code[open]").count() > 10
        assert page.log == []
