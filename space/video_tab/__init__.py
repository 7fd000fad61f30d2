"""The tab for a video file: what each face in it showed over time."""
