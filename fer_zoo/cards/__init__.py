"""Model cards: `build_card` makes the text, `write_card` the files."""

from fer_zoo.cards.card import build_card, write_card

__all__ = ["build_card", "write_card"]
