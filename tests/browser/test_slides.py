"""Slides and pages in a real browser with the network off: all of it is seen, and can be read."""

import nbformat
import pytest

from helpers.publishing.notebooks import PATHS, SHOWN
from helpers.publishing.pages import PageExporter
from helpers.publishing.slides import build_slides

WIDTH, HEIGHT = 1280, 720
SMALLEST_TEXT = 14  # px on a slide of 1280, where 1 px is 0.75 pt
# A figure has 100 px to the inch, so its smallest text (9 pt of 1/72 inch) is 9 / 72 * 100 = 12.5
# px tall at its natural size. It stays above 12 px down to a scale of 12 / 12.5.
SMALLEST_SCALE = 12 / 12.5
A4_WIDTH = round((8.27 - 2 * 0.5) * 96)  # px between the margins of 0.5 inch that the page asks for

# Words and numbers of what is printed that go on in the next line though they would fit into one.
BROKEN = """root => {
    const found = [];
    const words = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    while (words.nextNode()) {
        const text = words.currentNode, block = text.parentElement.closest("pre");
        if (!block?.checkVisibility()) continue;
        const style = getComputedStyle(block);
        const width = block.clientWidth
            - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
        for (const word of text.data.matchAll(/[\\p{L}\\p{N}_.,]+/gu)) {
            const range = document.createRange();
            range.setStart(text, word.index);
            range.setEnd(text, word.index + word[0].length);
            const lines = [...range.getClientRects()];
            const length = lines.reduce((sum, line) => sum + line.width, 0);
            if (lines.length > 1 && length < width) found.push("broken word: " + word[0]);
        }
    }
    return found;
}"""
# What is wrong with what can be seen now. Text is measured by its lines, not by its box: a block
# as wide as the slide would hide a word that sticks out of it.
PROBLEMS = """([width, height, smallestText, smallestScale]) => {
    const slide = Reveal.getCurrentSlide();
    const found = broken(slide);
    const visible = element =>
        element.checkVisibility({opacityProperty: true, visibilityProperty: true});
    const report = (problem, words) => found.push(problem + ": " + words.trim().slice(0, 60));
    const number = document.querySelector(".slide-number").getBoundingClientRect();
    const covered = box => box.width && box.height && box.right > number.left &&
        box.left < number.right && box.bottom > number.top && box.top < number.bottom;
    const outside = box => box.width && box.height &&
        (box.left < -1 || box.top < -1 || box.right > width + 1 || box.bottom > height + 1);
    const words = document.createTreeWalker(slide, NodeFilter.SHOW_TEXT);
    while (words.nextNode()) {
        const text = words.currentNode, parent = text.parentElement;
        if (!text.data.trim() || !visible(parent) || parent.closest("aside.notes")) continue;
        const range = document.createRange();
        range.selectNodeContents(text);
        const lines = [...range.getClientRects()];
        if (lines.some(outside)) report("outside", text.data);
        if (lines.some(covered)) report("covered", text.data);
        // Indices in a formula are smaller than it, as in any print.
        const size = parseFloat(getComputedStyle(parent.closest("math") ?? parent).fontSize);
        if (size < smallestText) report(`${size} px`, text.data);
    }
    for (const element of slide.querySelectorAll("*")) {
        if (!visible(element) || element.closest("aside.notes, math")) continue;
        if (getComputedStyle(element).overflow !== "visible" && (
            element.scrollWidth > element.clientWidth + 1 ||
            element.scrollHeight > element.clientHeight + 1
        )) report("clipped", element.textContent);
        if (element.tagName !== "IMG") continue;
        const box = element.getBoundingClientRect();
        if (outside(box)) report("outside", element.alt);
        if (covered(box)) report("covered", element.alt);
        const loaded = element.complete && element.naturalWidth;
        if (!loaded) report("not loaded", element.alt);
        if (box.width < smallestScale * element.naturalWidth) report("too small", element.alt);
    }
    if (!slide.innerText.trim() && !slide.querySelector("img")) found.push("empty");
    return found;
}""".replace("broken(", f"({BROKEN})(")
TOO_WIDE = """[...document.querySelectorAll("body, body *")]
    .filter(e => e.checkVisibility() && !e.closest("math") && (
        e.getBoundingClientRect().right > innerWidth + 1 ||
        getComputedStyle(e).overflowX !== "visible" && e.scrollWidth > e.clientWidth + 1))
    .map(e => e.tagName + ": " + e.textContent.trim().slice(0, 60))"""
LIMITS = [WIDTH, HEIGHT, SMALLEST_TEXT, SMALLEST_SCALE]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slides") / "slides"
    build_slides(folder)
    return folder


@pytest.fixture
def page(browser):
    """A page without network, and what went wrong in it as `page.log`."""
    with browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, offline=True) as context:
        page = context.new_page()
        page.log = []
        page.on("console", lambda message: page.log.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: page.log.append(f"error: {error}"))
        page.on("request", lambda r: r.url.startswith(("file:", "data:")) or page.log.append(r.url))
        page.on("requestfailed", lambda request: page.log.append(f"failed: {request.url[:80]}"))
        yield page


def open_slides(page, file):
    page.goto(file.as_uri())
    page.wait_for_function("window.Reveal && Reveal.isReady()")


def steps(page):
    """Step to the end with the keyboard; yield the state of each step and its problems."""
    state = None
    while state != (state := page.evaluate("Reveal.getState()")):
        yield state, page.evaluate(PROBLEMS, LIMITS)
        page.keyboard.press("Space")


@pytest.mark.parametrize("path", [n.path for n in SHOWN], ids=lambda path: path.stem)
def test_every_slide_can_be_seen_and_read(folder, page, path):
    open_slides(page, folder / f"{path.stem}.slides.html")
    problems = [(state, found) for state, found in steps(page) if found]
    if problems:  # the picture that is kept of a failure shall show it
        page.evaluate("state => Reveal.setState(state)", problems[0][0])
    assert problems == []
    assert page.evaluate("Reveal.isLastSlide() && !Reveal.availableFragments().next")
    cells = nbformat.read(path, as_version=4).cells
    kinds = [cell.metadata["slideshow"]["slide_type"] for cell in cells]
    slides = kinds.count("slide") + kinds.count("subslide")
    assert page.evaluate("Reveal.getTotalSlides()") == slides
    assert page.log == []


def test_the_keys_that_the_index_names(folder, page):
    page.goto((folder / "index.html").as_uri())
    assert "Space steps on, Shift+Space back, S shows the speaker's notes, Esc all slides" in (
        page.inner_text("body").replace("\n", " ")
    )
    page.click("text=03 roofline")
    page.wait_for_function("window.Reveal && Reveal.isReady()")
    state = page.evaluate("Reveal.getState()")
    page.keyboard.press("Space")
    assert page.evaluate("Reveal.getState()") != state
    page.keyboard.press("Shift+Space")
    assert page.evaluate("Reveal.getState()") == state
    with page.expect_popup() as notes:
        page.keyboard.press("s")
    assert "Speaker" in notes.value.title()
    page.keyboard.press("Escape")
    assert page.evaluate("Reveal.isOverview()")


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_page_prints_on_a4_without_scripts(browser, tmp_path, path):
    file = tmp_path / "page.html"
    file.write_text(PageExporter().export(path), encoding="utf-8")
    with browser.new_context(
        viewport={"width": A4_WIDTH, "height": HEIGHT}, offline=True, java_script_enabled=False
    ) as context:
        page = context.new_page()
        page.emulate_media(media="print")
        page.goto(file.as_uri())
        assert page.evaluate(TOO_WIDE) == []
        assert page.evaluate(f"({BROKEN})(document.body)") == []
        pictures = page.evaluate(
            "[...document.images].map(i => i.naturalWidth > 0 && i.checkVisibility())"
        )
    assert False not in pictures


SPOILS = {  # what is done to a paragraph p of the slide, and what is said of it
    "outside": "p.style.fontSize = '200px'",
    "10 px": "p.style.fontSize = '10px'",
    "clipped": "p.style.cssText = 'height: 9px; overflow: hidden'",
    "broken word": "p.outerHTML = '<pre style=word-break:break-all>' + 'words '.repeat(99)",
    "covered": "p.style.cssText = 'position: absolute; right: 8px; bottom: 4px; text-align: right'",
    "empty": "p.closest('section').replaceChildren()",
    "not loaded": "p.innerHTML = '<img alt=x src=missing.png style=height:9px;width:9px>'",
    "too small": "p.append(document.images[0]); document.images[0].width = 300",
}


@pytest.mark.parametrize("problem", SPOILS)
def test_a_slide_that_cannot_be_seen_is_found(folder, page, problem):
    open_slides(page, folder / "03_roofline.slides.html")
    assert page.evaluate(PROBLEMS, LIMITS) == []
    page.evaluate(f"{{const p = Reveal.getCurrentSlide().querySelector('p'); {SPOILS[problem]}}}")
    page.wait_for_function("[...document.images].every(image => image.complete)")
    assert problem in "".join(page.evaluate(PROBLEMS, LIMITS))


@pytest.mark.parametrize("port", [8891, None])
def test_move_it_live_goes_to_the_server_that_runs(folder, page, port):
    told = folder.parent / "live.js"
    told.unlink(missing_ok=True)
    if port:
        told.write_text(f'window.liveServer = "http://localhost:{port}";')
    open_slides(page, folder / "03_roofline.slides.html")
    page.evaluate("window.open = url => { window.opened = url; }")
    page.evaluate("document.querySelector('a.live').click()")
    opened = page.wait_for_function("window.opened").json_value()
    assert opened.startswith(f"http://localhost:{port or 8888}/lab/workspaces/slides/tree/03_")
    assert "#cell-id=" in opened
