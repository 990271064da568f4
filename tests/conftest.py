"""Says loudly, at the end of a run, that tests were skipped for want of a browser."""


def pytest_terminal_summary(terminalreporter):
    reasons = {str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])}
    if any("no chromium found" in reason for reason in reasons):
        terminalreporter.write_line(
            "BROWSER TESTS SKIPPED: no chromium found; install it (Debian: apt-get install "
            "chromium) or set CHROMIUM to its path",
            red=True,
            bold=True,
        )
