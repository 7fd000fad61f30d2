"""What the page says about itself."""

INTRODUCTION = """# Facial expression models, side by side

Add a photo: each model you tick reads every face in it. The models judge how a face *looks*,
not what the person feels.
"""

ABOUT = """## What the models can know

Each model sees one thing: a face as a grey picture of 48 by 48 pixels. From the 28,709 training faces of
FER2013 it has learned which of seven words people put under such a picture.

- **An expression is not a feeling.** People smile when they are sad and frown when they think. A photo shows
  one moment and leaves out the situation, the voice, and the person's habits.
- **The words are FER2013's.** Its pictures were collected by a web search for emotion words, and each got one
  label. Many labels can be disputed, *disgust* is rare, and nobody wrote down whose faces they are, so how
  fair a model is to people of different ages or origins cannot be measured on them. A model learns the habits
  of its labels.
- **About three answers in ten are wrong** on FER2013's own test pictures; the Models tab has the measurement.
  Your photo may be further from what the models know: a hand over the mouth, a profile, dim light, a small
  face.
- **A percentage is the model's own estimate**, adjusted on pictures that it did not learn from. It holds for
  faces like those of FER2013.

Do not use it to judge, select, watch or diagnose anybody.

## What happens to your picture

- It goes to the computer that runs this page and to no other. With `fer-zoo demo`, that is your own.
- There it lies in a temporary file for less than a minute. As long as the page shows it, it is held in
  memory: **Forget photo**, another photo, or closing the page removes it.
- No picture and no answer is recorded. The page loads nothing from elsewhere: no fonts, no analytics.
- A picture may have up to 10 MB and 40 megapixels. Where and with what camera it was taken is not read.

## For programs

```python
from gradio_client import Client, handle_file

page = Client("http://127.0.0.1:7860")
page.predict(photo=handle_file("photo.jpg"), models=["cnn-baseline"], api_name="/compare")
```

The answer has the shape that `fer-zoo predict --json` gives for one picture.
"""
