"""The pages of the site in a real browser, from a server on this machine and from the disk.

Every other host is out of reach. One page is brought to life here, as JupyterLab's controls are in
`test_notebooks`; with the folder of a site that was built with --offline in ``$SITE``, all of it is
looked at, and every page with a control is brought to life (`benchmarks/pages.py`).
"""

import os
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from axe_playwright_python.sync_playwright import Axe

import lab
from helpers.publishing.notebooks import PAGES, SERIES, read
from helpers.publishing.site import book, build, lite, live, vendor
from on_site import serve, wake, watched
from test_slides import A4_WIDTH, BROKEN
from twins import MISFITS, Opened, by_keyboard, by_mouse, corners, sweep

NAMES = ["index.html", *(f"{p.stem}.html" for p in [*(n.path for n in SERIES), *PAGES])]
SITE = os.environ.get("SITE")
ALIVE = [  # 06 has most inputs
    notebook
    for notebook in SERIES
    if (SITE or notebook.number == "06")
    and any(re.match(r"\w+Control\(", cell.source) for cell in read(notebook.path).cells)
]
FIRST_PAINT = 1.0  # s
NARROW = [390, 320]
# What sticks out of the window, formulas included; what scrolls by itself may, and blanks at the
# end of a line of code do.
TOO_WIDE = """[...document.querySelectorAll("body *")]
    .filter(e => e.checkVisibility() && !e.closest(".wide, .skip, mfrac, mrow, pre span")
        && e.getBoundingClientRect().right > innerWidth + 1)
    .map(e => e.tagName + ": " + e.textContent.trim().slice(0, 60))"""
TOO_WIDE_ON_PAPER = TOO_WIDE.replace(".wide, ", "")
TWO_FRAMES = "new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)))"
PAINTED = """new Promise(resolve => new PerformanceObserver(list => {
    for (const entry of list.getEntries())
        if (entry.name === "first-contentful-paint") resolve(entry.startTime / 1000);
}).observe({type: "paint", buffered: true}))"""


@pytest.fixture(scope="module")
def site(browser, living, tmp_path_factory):
    """The site without its book, served: its `folder`, and its address as `url`.

    Alive are the pages of `ALIVE`; where that cannot be had, `missing` says why.
    """
    made, missing = None, None
    if not SITE:
        try:
            made = living()
        except vendor.Missing as reason:
            missing = reason

    def build_live(folder, offline):
        if missing:
            raise missing
        shutil.copytree(made, folder)

    def build_nothing(folder, offline):
        raise vendor.Missing("tested elsewhere")

    attributes_of = live.attributes

    def attributes(notebook, cell):
        return attributes_of(notebook, cell) if notebook in ALIVE else ""

    folder = Path(SITE or tmp_path_factory.mktemp("site") / "site")
    if not SITE:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(live, "build", build_live)
            patch.setattr(live, "attributes", attributes)
            patch.setattr(lite, "build", build_nothing)
            patch.setattr(book, "build", lambda *_: [])
            build.build_site(folder)
    with serve(folder) as url:
        yield SimpleNamespace(folder=folder, url=url, missing=missing)


@pytest.fixture
def page(browser, site):
    with watched(browser) as page:
        yield page


def serious(page, part="html"):
    found = Axe().run(page, context={"include": [[part]]}).response["violations"]
    return [
        (rule["id"], node["html"][:200], node["failureSummary"])
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_page_can_be_read_by_everybody(site, page, name):
    """In the light, in the dark, in a narrow window, with all unfolded; and it asks no other host
    for anything."""
    page.goto(site.url + name)
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    assert serious(page) == []
    page.click("#theme")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 24, 29)"
    for width in NARROW:
        narrow(page, width)
    assert serious(page) == []
    assert page.log == []


def narrow(page, width):
    """Make the window narrow: it must hold the whole page."""
    page.set_viewport_size({"width": width, "height": 800})
    page.evaluate(TWO_FRAMES)
    assert page.evaluate(TOO_WIDE) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


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
    for name in ("index.html", "06_deep_learning_engines.html", "08_measure_your_machine.html"):
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


def tab_to(page, selector, most=300):
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
        for _ in ("light", "dark"):
            assert serious(page, "header") == []
            page.emulate_media(color_scheme="dark")
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


# The keyboard alone.

# What of a page can be reached, and of what has the focus: its place among these, the width of the
# ring around it, and what hides its middle.
STOPS = """[...document.querySelectorAll(
    "a[href], button, input, select, textarea, summary, [tabindex='0']")]
    .filter(e => !e.disabled && e.checkVisibility({visibilityProperty: true})
        && (e.type !== "radio" || e === e.form.elements[e.name][0]))"""
STOP = """() => {
    const focused = document.activeElement, box = focused.getClientRects()[0];
    const style = getComputedStyle(focused), x = box.left + box.width / 2;
    const seen = document.elementFromPoint(x, box.top + Math.min(box.height, innerHeight) / 2);
    return {
        place: window.stops.indexOf(focused),
        ring: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
        hidden: focused.contains(seen) || seen?.closest("label")?.contains(focused)
            ? null : seen?.outerHTML.slice(0, 100) ?? "out of the window",
        is: focused.outerHTML.slice(0, 100),
    };
}"""


@pytest.mark.parametrize("width", [1280, 320])
@pytest.mark.parametrize("name", NAMES if SITE else ["06_deep_learning_engines.html"])
def test_the_tab_key_leads_through_the_whole_page(site, page, name, width):
    """To each thing once and in order, with a ring around it and nothing over it."""
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(site.url + name)
    count = page.evaluate(f"(window.stops = {STOPS}).length")
    for place in range(count):
        page.keyboard.press("Tab")
        stop = page.evaluate(STOP)
        if place == 0:
            continue  # the link past the bar comes into sight only now
        assert (stop["place"], stop["hidden"]) == (place, None), stop
        assert stop["ring"] >= 2, stop


@pytest.fixture(scope="module", params=ALIVE, ids=lambda notebook: notebook.number)
def alive(request, browser, site):
    """A page whose control was brought to life by keyboard."""
    if site.missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{lab.NO_SITE}: {site.missing}")
    with watched(browser) as page:
        page.goto(f"{site.url}{request.param.stem}.html")
        asked = page.evaluate("performance.getEntriesByType('resource').map(e => e.name)")
        assert {name.removeprefix(site.url) for name in asked if "/live/" in name} == {
            "live/live.css",
            "live/live.js",
        }
        wake(page)
        yield Opened(request.param.path, page, log=page.log)


def test_every_input_obeys_the_keyboard(alive):
    sweep(alive, by_keyboard)


def test_every_input_obeys_the_mouse(alive):
    sweep(alive, by_mouse)


def test_the_words_of_every_corner_can_be_read(alive):
    corners(alive)


@pytest.mark.parametrize(("width", "least"), [(390, 150), (320, 100)])
def test_what_is_alive_fits_a_narrow_window(alive, width, least):
    """Nothing is cut, every number can be read, and what is to be moved has `least` pixels."""
    page, usual = alive.page, alive.page.viewport_size
    try:
        narrow(page, width)
        assert page.evaluate(MISFITS, least) == []
        fields = page.locator(".live input[type=text]:visible")
        widths = fields.evaluate_all("fields => fields.map(field => field.clientWidth)")
        assert min(widths, default=150) >= 150
        corners(alive)
    finally:
        page.set_viewport_size(usual)


def test_what_is_alive_can_be_read_by_everybody(alive):
    page = alive.page
    for _ in ("light", "dark"):
        assert serious(page, ".live") == []
        page.click("#theme")


def test_a_prediction_and_an_exercise_by_keyboard_alone(alive):
    """They are typed and judged without a mouse, and what is said of them is announced."""
    page = alive.page
    page.evaluate("scrollTo(0, 0); document.activeElement.blur()")

    def press(place, button):
        said = page.locator(f"{place} .live-said")
        assert said.get_attribute("role") == "status"
        before = said.text_content()
        tab_to(page, f"{place} {button}")
        page.keyboard.press("Enter")
        page.wait_for_function(
            "([e, before]) => e.textContent !== before", arg=[said.element_handle(), before]
        )
        return said.text_content()

    if not page.locator(".live[data-kind=prediction]").count():
        pytest.skip("this notebook has none")
    cell = page.locator(".live[data-kind=prediction]").first.get_attribute("data-cell")
    tab_to(page, f"[data-cell='{cell}'] input")
    page.keyboard.type("0.3")
    assert press(f"[data-of='{cell}']", "button").startswith("You predicted ")
    exercise = page.locator(".live[data-asks=number]").first.get_attribute("data-cell")
    tab_to(page, f"[data-cell='{exercise}'] input")
    page.keyboard.type("-1")
    assert press(f"[data-cell='{exercise}']", "[value=Check]").startswith("Wrong. ")


def test_nothing_was_reported_by_what_is_alive(alive):
    """The last test of a page: all that was done to it is in the log."""
    # Pyodide says what it loads, and the html manager's library for JSON is talkative.
    usual = ("log: ", "warning: strict mode: ")
    assert [line for line in alive.log if not line.startswith(usual)] == []
