"""The series as a site for any static host, alive in its pages, and as a book: `series.py site`."""
