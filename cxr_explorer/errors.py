"""The exceptions a user is meant to read."""


class UserError(Exception):
    """The world is at fault, not the program: a missing folder, a broken file, a full disk.

    The message is one line in three parts: what failed, why, and what to do about it. Anything else that is raised is
    a bug and is shown as one.

    Attributes:
        in_child: Where it was raised in a child process, see `logfile.describe_error`; empty where it was none.
    """

    in_child = ""


class PassingError(UserError):
    """The surroundings are at fault for now, not the content of what was to be read: a drive that is away, a lack of
    permission or of memory. The same file may well be read the next time."""
