"""What every figure is drawn with: style, axes, scales, text, and saving."""
