"""What a person can put right: printed as one line, without a traceback."""


class AnalysisError(Exception):
    """A mistake or a condition with a way out; the message names both."""
