"""The one exception a user is meant to read."""


class UserError(Exception):
    """The world is at fault, not the program: a missing folder, a broken file, a full disk.

    The message is one line in three parts: what failed, why, and what to do about it. Anything else that is raised is
    a bug and is shown as one.
    """
