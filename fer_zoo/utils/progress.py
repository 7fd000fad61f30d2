"""A progress bar on stderr for long operations."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def track(description: str) -> Iterator[Callable[[int, int], None]]:
    """Yield a function (done, total) for a progress bar, gone at the end; a pipe or a log has none."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    if not (console.is_terminal or console.is_jupyter):
        yield lambda done, total: None
        return
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(description, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
