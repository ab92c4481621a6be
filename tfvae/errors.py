"""What a user can mend."""


class UserError(ValueError):
    """A mistake in what the user gave: one sentence that says what, where, and what to do."""
