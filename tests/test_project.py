"""What others rely on agrees with itself: version, licences, citation, workflow, form, recipes."""

import doctest
import hashlib
import json
import os
import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet

import series
from helpers.budget import achieved_fraction, training_work
from helpers.catalog import device, runs
from helpers.networks import resnet
from helpers.publishing import blocks

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
FORM = ".github/ISSUE_TEMPLATE/wrong_number.yml"
RELEASE = re.compile(r"^## (\S+) – (\d{4}-\d\d-\d\d)$", re.MULTILINE)


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def yaml_of(name):
    return yaml.safe_load(text(name))


PROJECT = tomllib.loads(text("pyproject.toml"))["project"]
CITATION = yaml_of("CITATION.cff")


def test_there_is_one_version_and_one_date_of_it():
    version, date = RELEASE.findall(text("CHANGELOG.md"))[0]
    assert PROJECT["version"] == version == CITATION["version"]
    assert CITATION["date-released"] == date


def test_the_change_log_begins_with_what_is_not_released_and_goes_back_in_time():
    log = text("CHANGELOG.md")
    headings = re.findall(r"^## (.+)$", log, re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert headings[1:] == [" – ".join(release) for release in RELEASE.findall(log)]
    dates = [date for _, date in RELEASE.findall(log)]
    assert dates == sorted(dates, reverse=True)
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.+)$", log, re.MULTILINE)) <= kinds


def test_the_citation_has_what_its_format_requires():
    assert CITATION["cff-version"] == "1.2.0"
    required = {"authors", "cff-version", "message", "title"}
    known = required | {"abstract", "date-released", "keywords", "license", "type", "version"}
    assert required <= CITATION.keys() <= known | {"doi", "repository-code", "url"}
    assert CITATION["title"].startswith(text("README.md").splitlines()[0].removeprefix("# "))
    (author,) = CITATION["authors"]  # as the licence names them; nobody is invented
    assert f"Copyright (c) 2026 {author['name']}\n" in text("LICENSE")


def test_the_licences_are_named_alike_everywhere():
    readme = text("README.md")
    named = {"MIT": "[MIT](LICENSE)", "CC-BY-4.0": "[CC BY 4.0](LICENSE-CC-BY-4.0.txt)"}
    assert PROJECT["license"].split(" AND ") == list(named)
    assert all(readme.count(link) == 1 for link in named.values())
    assert [f"]({file})" for file in PROJECT["license-files"]] == [
        link[link.index("](") :] for link in named.values()
    ]
    assert CITATION["license"] == "MIT"
    assert "code is under MIT" in CITATION["abstract"]
    assert "pictures are under CC-BY-4.0" in CITATION["abstract"]
    assert "MIT for code, CC BY 4.0 for text and pictures" in text("CONTRIBUTING.md")
    assert "keeps the terms of its source" in readme  # the data


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("LICENSE", "e4cbb274970b9a787533e6de7aea853d0fbb56d140b9b3b57dec302fad9d93ad"),
        (
            "LICENSE-CC-BY-4.0.txt",
            "9e5f1b3c610b9c2da5c313bf81d577a7d1acec686bdb0384edefa6df0f90cd94",
        ),
    ],
)
def test_the_text_of_a_licence_is_not_ours_to_change(name, digest):
    terms = re.sub(r"^Copyright \(c\) .*$", "", text(name), flags=re.MULTILINE)
    assert hashlib.sha256(terms.encode()).hexdigest() == digest


def test_the_address_is_left_open_in_one_place():
    readme = text("README.md")
    rest = [*PAGES[1:], "CITATION.cff", FORM, "pyproject.toml"]
    assert not any("OWNER/REPO" in text(name) for name in rest)
    assert "OWNER/REPO" not in readme.replace(readme.partition("## At a public address")[2], "")


def test_badges_come_with_the_address(monkeypatch, tmp_path):
    readme, citation = text("README.md"), tmp_path / "CITATION.cff"
    assert blocks.badges(text("CITATION.cff")) == ""
    monkeypatch.setattr(blocks, "CITATION", citation)
    citation.write_text('repository-code: "https://github.com/somebody/series"\n')
    with_badges = blocks.readme(readme)
    first, line, rest = with_badges.split("\n\n", 2)
    assert f"{first}\n\n{rest}" == readme
    assert line.count("somebody/series") == 3 and "somebody.github.io/series/" in line
    assert blocks.readme(with_badges) == with_badges
    citation.write_text("version: 0.1.0\n")
    assert blocks.readme(with_badges) == readme


def test_the_site_is_built_by_its_command_and_published_by_a_job_of_its_own():
    workflow = yaml_of(".github/workflows/site.yml")
    assert workflow["permissions"] == {"contents": "read"}
    build, publish = workflow["jobs"].values()
    assert {"run": "python3 series.py site"} in build["steps"]
    assert "permissions" not in build
    assert publish["permissions"] == {"pages": "write", "id-token": "write"}
    uses = [step["uses"] for job in (build, publish) for step in job["steps"] if "uses" in step]
    assert all(re.fullmatch(r"actions/[\w-]+@v\d+", action) for action in uses)


def missing_command(line):
    """What a step of a workflow runs that is not there; "" if all is."""
    for command in filter(None, line.split("&&")):
        program, *rest = command.split()
        if program == "python3" and not (ROOT / rest[0]).is_file():
            return rest[0]
        if rest[:1] == ["series.py"] and rest[1] not in series.COMMANDS:
            return rest[1]
        if program not in ("python3", "sudo") and not os.access(ROOT / program, os.X_OK):
            return program
    return ""


WORKFLOWS = sorted(path.relative_to(ROOT) for path in ROOT.glob(".github/workflows/*.yml"))


@pytest.mark.parametrize("name", WORKFLOWS, ids=lambda path: path.stem)
def test_every_step_of_a_workflow_can_be_run(name):
    workflow = yaml_of(name)
    assert workflow.keys() <= {"name", True, "permissions", "concurrency", "jobs"}
    for job in workflow["jobs"].values():
        if "uses" in job:
            assert (ROOT / job["uses"]).is_file()
        for step in job.get("steps", []):
            assert ("uses" in step) != ("run" in step)
            assert missing_command(step.get("run", "")) == ""


def test_a_step_that_cannot_be_run_is_named():
    steps = ["python3 series.py sites", "python3 serie.py site", ".ci/ran", "sudo x && .ci/run"]
    assert [*map(missing_command, steps)] == ["sites", "serie.py", ".ci/ran", ""]


def test_the_container_installs_what_the_tests_need():
    lines = text(".devcontainer/devcontainer.json").splitlines()
    container = json.loads("\n".join(line for line in lines if not line.startswith("//")))
    installed = container["onCreateCommand"].partition("--no-install-recommends ")[2].split()
    assert {"chromium", "nodejs", "npm"} <= set(installed)
    python = re.search(r"python:(\d+\.\d+)$", container["image"])[1]
    assert python in SpecifierSet(PROJECT["requires-python"])
    assert "'.[test]'" in container["postCreateCommand"]


def test_the_tests_run_on_every_push_and_monthly():
    every, monthly = (yaml_of(f".github/workflows/{name}.yml") for name in ("ci", "monthly"))
    on = True  # YAML 1.1 reads the key so
    assert {"push": None, "pull_request": None}.items() <= every[on].items()
    (schedule,) = monthly[on]["schedule"]
    assert re.fullmatch(r"[1-5]?\d (1?\d|2[0-3]) ([1-9]|1\d|2[0-8]) \* \*", schedule["cron"])
    assert [job["uses"] for job in monthly["jobs"].values()] == ["./.github/workflows/ci.yml"]
    assert "workflow_call" in every[on]
    assert every["permissions"] == monthly["permissions"] == {"contents": "read"}
    (job,) = every["jobs"].values()
    checkout, python, run = job["steps"]
    assert checkout["uses"].startswith("actions/checkout@v")
    assert python["uses"].startswith("actions/setup-python@v")
    assert run == {"run": ".ci/run"} and os.access(ROOT / ".ci" / "run", os.X_OK)
    first, end = re.fullmatch(r">=3\.(\d+),<3\.(\d+)", PROJECT["requires-python"]).groups()
    assert job["strategy"]["matrix"]["python"] == [f"3.{first}", f"3.{int(end) - 1}"]
    assert python["with"]["python-version"] == "${{ matrix.python }}"


def test_the_form_asks_for_number_place_value_and_source():
    form = yaml_of(FORM)
    assert {"name", "description", "body"} <= form.keys()
    kinds = {"checkboxes", "dropdown", "input", "markdown", "textarea"}
    assert {part["type"] for part in form["body"]} <= kinds
    asked = {part["id"]: part for part in form["body"] if part["type"] != "markdown"}
    assert list(asked) == ["number", "place", "correct", "source"]
    assert len({part["attributes"]["label"] for part in asked.values()}) == len(asked)
    assert all(isinstance(part["validations"]["required"], bool) for part in asked.values())
    assert all(asked[name]["validations"]["required"] for name in ("number", "place", "source"))
    for page in ("README.md", "CONTRIBUTING.md"):
        assert f"*{form['name']}*" in text(page)


def missing_paths(page):
    """Links and backticked files and folders of a page that are not there."""
    quoted = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", page, flags=re.DOTALL))
    looks = re.compile(r"[\w<>*.-]*(/[\w<>*.-]*)+|[\w.-]+\.(cff|csv|md|py|toml|txt|yml)")
    shown = {path for path in quoted if looks.fullmatch(path)}
    shown |= {link for link in re.findall(r"\]\(([^)\s#]+)", page) if "://" not in link}
    made = [line.rstrip("/") for line in text(".gitignore").split()]  # by a command
    return [
        path
        for path in sorted(shown - {"OWNER/REPO"})
        if not any(fnmatch(path.split("/")[0], line) for line in made)
        if not any(any(base.glob(re.sub(r"<\w+>", "*", path))) for base in (ROOT, ROOT / "helpers"))
    ]


def unknown_calls(page):
    """Calls of series.py that a page shows and the help of series.py does not."""
    calls = [call.split() for call in re.findall(r"series\.py ([^#`\n]+)", page)]
    return [
        " ".join(call)
        for call in calls
        if call[0] not in series.COMMANDS
        or any(f"series.py {call[0]} {option}" not in series.__doc__ for option in call[1:])
    ]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_names_only_what_exists(name):
    page = text(name)
    assert (missing_paths(page), unknown_calls(page)) == ([], [])


def test_what_does_not_exist_is_found():
    page = "`helpers/gone.py` `gone.md` `helpers/gone/` [x](gone.png) `x<y>` `helpers/<any>.py` 1/2"
    assert missing_paths(page) == ["gone.md", "gone.png", "helpers/gone.py", "helpers/gone/"]
    shown = (
        "`series.py story` `series.py test --slow` `series.py open --fresh`\nseries.py store # x"
    )
    assert unknown_calls(shown) == ["story", "test --slow"]


def test_contributing_is_one_page_with_a_recipe_for_each_addition():
    page = text("CONTRIBUTING.md")
    assert len(page.splitlines()) <= 120
    recipes = re.findall(r"^### (?:A|An) (.+)$", page, re.MULTILINE)
    wanted = (
        "device network formula sentence exercise control notebook correction translation release"
    )
    assert all(any(word in recipe for recipe in recipes) for word in wanted.split())
    assert all(f"`{option}`" in page for option in ("--oldest", "--newest"))


def test_everything_in_helpers_has_its_line():
    table = text("CONTRIBUTING.md").partition("## Where a line belongs")[2].partition("##")[0]
    helpers = ROOT / "helpers"
    rooms = {f"`helpers/{path.parent.name}/`" for path in helpers.glob("*/*.py")}
    modules = {f"`helpers/{path.name}`" for path in helpers.glob("[!_]*.py")}
    assert {line for line in rooms | modules if line not in table} == set()


def test_the_example_of_the_readme_runs_and_its_numbers_are_computed():
    page = text("README.md")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    result = doctest.DocTestRunner().run(
        doctest.DocTestParser().get_doctest(example, {}, "README.md", "README.md", 0)
    )
    assert result.attempted == example.count(">>> ") and result.failed == 0
    v100, run = device("V100-SXM2"), runs()
    forward = resnet(50).forward_work
    assert f"training_work({forward / 1e9:.3f}e9, " in page
    assert f"{v100.peak_fp32 / 1e12:g} Tflop/s in FP32, {v100.bandwidth / 1e9:g} GB/s" in page
    nvidia, m40, dgx = (run.loc[name] for name in ("V100 FP32", "M40", "DGX-1 MLPerf"))
    work = training_work(forward, 1_281_167, nvidia.epochs)
    share = achieved_fraction(work, nvidia.time, v100.peak_fp32, nvidia.devices)
    assert (
        f"[{nvidia.time / 3600:.1f} hours]({nvidia.source_url}) for this run: {share:.0%}" in page
    )
    assert f"One M40 took {m40.time / 86400:.0f} days" in page and m40.devices == 1
    assert f"took {dgx.time / 3600:.2f} hours, in mixed precision and with {dgx.epochs} ep" in page
    assert (dgx.devices, dgx.device, dgx.precision) == (8, "V100-SXM2", "fp16")
