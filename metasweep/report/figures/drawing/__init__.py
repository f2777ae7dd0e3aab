"""What every figure draws with: the style, axes and scales, words, and saving."""
