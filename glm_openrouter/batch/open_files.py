"""How many files a process may have open: each request that is under way has a socket."""

from glm_openrouter.errors import InvalidRequestError

__all__ = ["allow_open_files"]

_OTHERS = 128
"""Files of the program itself."""


def allow_open_files(sockets: int) -> None:
    """Let this process open as many sockets, which systems limit to 1,024 or less unless they are asked for more.

    Raises:
        InvalidRequestError: The system does not allow so many.
    """
    try:
        import resource
    except ModuleNotFoundError:  # as on Windows, which has no such limit
        return
    needed = sockets + _OTHERS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or needed <= soft:
        return
    if hard != resource.RLIM_INFINITY and needed > hard:
        raise InvalidRequestError(
            f"in_flight={sockets} may need {needed} open files, and this process may have {hard} (`ulimit -Hn`)."
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
