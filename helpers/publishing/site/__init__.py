"""The series as a site for any static host, and as a book: one command, `series.py site`."""
