"""The tab for many pictures at once, and their zips."""
