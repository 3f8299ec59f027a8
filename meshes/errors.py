"""The error of input that its user can mend."""


class InputError(ValueError):
    """Input from outside that cannot be used.

    The message is one sentence for people: it names the file or key, what is wrong, the allowed range with its unit,
    and what to do. The command line prints it without a traceback and leaves with exit code 2.
    """
