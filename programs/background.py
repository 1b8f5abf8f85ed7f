"""One event loop in a thread of its own, so that synchronous callers and notebooks with a running loop share the asynchronous code."""

import asyncio
import contextvars
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

__all__ = ["run", "start"]

T = TypeVar("T")

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None


def start(work: Coroutine[Any, Any, T]) -> Future[T]:
    """Begin `work` on the background loop, in a copy of the caller's context (DSPy's settings and traces live there)."""
    loop, result, context = _running(), Future[T](), contextvars.copy_context()

    def begin() -> None:
        task = loop.create_task(work, context=context)
        result.add_done_callback(lambda f: loop.call_soon_threadsafe(task.cancel) if f.cancelled() else None)
        task.add_done_callback(finish)

    def finish(task: asyncio.Task[T]) -> None:
        if task.cancelled():
            result.cancel()
        elif (error := task.exception()) is not None:
            result.set_exception(error)
        elif not result.cancelled():
            result.set_result(task.result())

    loop.call_soon_threadsafe(begin)
    return result


def run(work: Coroutine[Any, Any, T]) -> T:
    """Wait for `work`, done on the background loop; an interrupt (Ctrl-C) cancels it.

    >>> async def double(x: int) -> int:
    ...     return 2 * x
    >>> run(double(21))
    42
    """
    if threading.current_thread() is _thread_of(_loop):
        work.close()
        raise RuntimeError("a synchronous call from within the background loop would wait for itself; await the asynchronous one")
    future = start(work)
    try:
        return future.result()
    except KeyboardInterrupt:
        future.cancel()
        raise


def _running() -> asyncio.AbstractEventLoop:
    global _loop
    with _lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            thread = threading.Thread(target=_loop.run_forever, name="seedless-loop", daemon=True)
            _threads[_loop] = thread
            thread.start()
        return _loop


_threads: dict[asyncio.AbstractEventLoop, threading.Thread] = {}


def _thread_of(loop: asyncio.AbstractEventLoop | None) -> threading.Thread | None:
    return _threads.get(loop) if loop is not None else None
