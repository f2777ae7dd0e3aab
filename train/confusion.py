"""The confusion matrix as a small web page, which W&B shows as a chart."""

from collections.abc import Sequence
from html import escape

from torch import Tensor

STYLE = """
table { border-collapse: collapse; font: 13px system-ui, sans-serif; color: #111; background: #fff }
caption, th { font-weight: normal; color: #555; padding: 3px 6px }
td { width: 38px; height: 28px; text-align: center; font-variant-numeric: tabular-nums }
"""


def page(confusion: Tensor, classes: Sequence[str]) -> str:
    """Return a table of counts (classes, classes), coloured by share.

    Rows are the true classes, columns the predicted ones.
    """
    shares = confusion / confusion.sum(dim=1, keepdim=True).clamp(min=1)
    head = "".join(f"<th>{escape(name)}</th>" for name in classes)
    rows = "".join(
        f"<tr><th>{escape(name)}</th>{''.join(map(_cell, counts, row))}</tr>"
        for name, counts, row in zip(classes, confusion.tolist(), shares.tolist(), strict=True)
    )
    caption = "<caption>Test images by true class (row) and predicted class (column)</caption>"
    return f"<style>{STYLE}</style><table>{caption}<tr><th></th>{head}</tr>{rows}</table>"


def _cell(count: int, share: float) -> str:
    ink = "#fff" if share > 0.6 else "#111" if count else "#bbb"
    return f'<td style="background: rgba(33, 84, 148, {share**0.5:.3f}); color: {ink}">{count}</td>'
