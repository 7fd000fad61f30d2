"""The Live tab: faces in front of a camera."""
