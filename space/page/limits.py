"""How much a visitor may send, in bytes."""

LARGEST_PICTURE = 10_000_000
LARGEST_ZIP = 50_000_000  # packed, and the most that Gradio takes in for any file
LARGEST_TOTAL = 100_000_000  # of all pictures of a drop together, unpacked
