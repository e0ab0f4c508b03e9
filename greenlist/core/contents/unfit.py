"""Why a file cannot be taken; raised by every check of contents."""

from greenlist.core.errors import Text


class Unfit(Exception):
    """A file that cannot be taken, and why, as the end of a sentence."""

    def __init__(self, reason: Text) -> None:
        super().__init__(str(reason))
        self.reason = reason
