"""The About tab: what the page is, and how programs use it."""
