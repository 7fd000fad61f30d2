"""Other packages for the same task, in a Python of their own: `side` runs there, `process` here."""
