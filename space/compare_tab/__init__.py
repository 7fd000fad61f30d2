"""The Compare tab: one photo, several models, and where they looked."""
