"""How much a visitor may send, in bytes, and how long a text of his may be, in characters."""

LARGEST_PICTURE = 10_000_000
LARGEST_ZIP = 50_000_000  # packed, and the most that Gradio takes in for any file
LARGEST_TOTAL = 100_000_000  # of all pictures of a drop together, unpacked
LONGEST_NAME = 255  # of a file or model: one stands beside every face and model
LONGEST_MESSAGE = 300  # of an error
