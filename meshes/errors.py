"""The error of input that its user can mend."""

from __future__ import annotations

from collections.abc import Sequence

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


class SeveralProblemsError(InputError):
    """Several problems of one input at once.

    The message names the first and counts the others; the command line prints all of them, each on its line.

    Attributes:
        sentences: one for each problem, as the message of an :class:`InputError`.
    """

    def __init__(self, sentences: Sequence[str]) -> None:
        """Keep each sentence as one printable line of bearable length."""
        self.sentences = tuple(str(InputError(sentence)) for sentence in sentences)
        others = len(sentences) - 1
        super().__init__(f"{sentences[0]} (and {others} more {'problem' if others == 1 else 'problems'})")

    def __reduce__(self) -> tuple[type[SeveralProblemsError], tuple[tuple[str, ...]]]:
        """How it goes from one process to another."""
        return type(self), (self.sentences,)


def input_error(sentences: Sequence[str]) -> InputError:
    """The error with these sentences, of which there is at least one."""
    return InputError(sentences[0]) if len(sentences) == 1 else SeveralProblemsError(sentences)
