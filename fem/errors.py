"""The error of a computation that did not reach its tolerance."""


class ConvergenceError(RuntimeError):
    """An iteration ended without reaching its tolerance; its result must not be used."""
