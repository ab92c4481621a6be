"""Errors the user can fix."""


class UserError(ValueError):
    """A mistake in what the user gave: one sentence that says what, where, and what to do.

    It names arguments in backticks, as Python's users write them: `holdout`, `missing="drop"`. The command shows those that
    it has as its options.
    """

    def __init__(self, sentence: str):
        super().__init__(sentence)


class DivergedError(UserError):
    """A training whose loss is no longer a number."""
