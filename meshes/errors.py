"""The error of input that its user can mend."""

LONGEST = 1000
"""Characters of a message; what is longer, by names and values of the input, loses its middle."""


class InputError(ValueError):
    """Input from outside that cannot be used.

    The message is one sentence for people: it names the file or key, what is wrong, the allowed range with its unit,
    and what to do. The command line prints it without a traceback and leaves with exit code 2. Control characters that
    it quotes from the input are escaped, so that it stays one line.
    """

    def __init__(self, message: str) -> None:
        """Keep ``message`` as one printable line of bearable length."""
        line = "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in message)
        if len(line) > LONGEST:
            line = f"{line[: LONGEST // 2]} ... {line[-LONGEST // 2 :]}"
        super().__init__(line)
