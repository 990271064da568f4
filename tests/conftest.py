"""Says loudly, at the end of a run, that tests were skipped for want of a browser."""


def pytest_terminal_summary(terminalreporter):
    reasons = {report.longrepr[2] for report in terminalreporter.stats.get("skipped", [])}
    for reason in reasons:
        if "no chromium found" in reason:
            terminalreporter.write_line(
                f"BROWSER TESTS SKIPPED: {reason.removeprefix('Skipped: ')}", red=True, bold=True
            )
