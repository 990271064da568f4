"""A reader's own table, pasted and uploaded in the page of notebook 09."""

import pytest

import lab

NAME = "09_fit_your_scaling.ipynb"
OWN = "GPUs;img/s\n1;10\n2;18,2\n4;30,8\n8;47,1\n16;64"


@pytest.fixture
def control(browser, server):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    lab.open_notebook(page, server, NAME)
    lab.run_all(page)
    yield page.locator(".series-control")
    lab.close_notebook(page)


def wait_for(control, text):
    control.locator(".widget-html-content", has_text=text).first.wait_for()


def test_a_table_is_pasted_and_files_are_uploaded(control):
    field, page = control.locator("textarea"), control.page
    field.fill(OWN[:-4])
    field.press_sequentially(OWN[-4:])  # JupyterLab does not take the digits for its own
    control.get_by_role("button", name="Fit this table").click()
    wait_for(control, "On 32 devices expect")
    assert "5 runs on 1 to 16 devices" in control.inner_text()
    field.fill("GPUs;img/s\n1;10\n2;fast")
    page.keyboard.press("Tab")  # leaving the field is enough
    wait_for(control, "row 3: value must be a number")
    assert "No picture" in control.inner_text() and "5 runs" not in control.inner_text()
    assert field.input_value().endswith("2;fast")

    def upload(name, content):
        with page.expect_file_chooser() as chooser:
            control.get_by_role("button", name="Upload a file").click()
        chooser.value.set_files({"name": name, "mimeType": "text/csv", "buffer": content})

    upload("mine.csv", OWN.encode())
    wait_for(control, "5 runs on 1 to 16 devices")
    assert field.input_value() == OWN
    upload("odd.csv", b"\x89PNG\x00")
    wait_for(control, "odd.csv was not taken: row 1")
    assert field.input_value() == OWN and "5 runs" not in control.inner_text()
    upload("mine.csv", OWN.encode())  # the same file once more
    wait_for(control, "5 runs on 1 to 16 devices")
