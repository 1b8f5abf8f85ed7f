"""One event loop in a thread of its own: synchronous callers and notebooks with a running loop share the asynchronous code."""

import asyncio
import contextlib
import contextvars
import os
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Generic, TypeVar
from weakref import WeakSet

__all__ = ["Threads", "Work", "run", "start", "within"]

T = TypeVar("T")


class Work(Generic[T]):
    """A coroutine at work on the background loop. `result` waits for it; `stop` cancels it and waits until it has let go."""

    def __init__(self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> None:
        self.future: Future[T] = Future()
        self._loop = loop
        self._task: asyncio.Task[T] | None = None
        self._over = threading.Event()
        loop.call_soon_threadsafe(self._begin, work, contextvars.copy_context())

    def result(self) -> T:
        """What the coroutine returns, or what it raises."""
        return self.future.result()

    def call(self, function: Callable[[], object]) -> None:
        """Have `function` called on the loop, soon."""
        self._loop.call_soon_threadsafe(function)

    def stop(self) -> None:
        """Cancel the coroutine if it still runs, and wait until its last line has run; not where no thread is left that could run it.

        Nor on the loop's own thread, where the garbage collector may free what stops it: `future` is done once the last line has run.
        """
        self._loop.call_soon_threadsafe(self._cancel)
        if self._loop is _loop and not within() and not sys.is_finalizing():
            self._over.wait()

    def _begin(self, work: Coroutine[Any, Any, T], context: contextvars.Context) -> None:
        self._task = self._loop.create_task(work, context=context)
        self._task.add_done_callback(self._finish)

    def _cancel(self) -> None:
        if self._task is not None and not self._task.cancelling():  # twice would break off what the first one lets it finish
            self._task.cancel()

    def _finish(self, task: asyncio.Task[T]) -> None:
        if task.cancelled():
            self.future.cancel()
            self.future.set_running_or_notify_cancel()
        elif (error := task.exception()) is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(task.result())
        self._over.set()


class Threads(ThreadPoolExecutor):
    """At most `count` threads that do what is submitted. In a forked process, which has none of them, they are begun anew."""

    def __init__(self, count: int, *, name: str) -> None:
        super().__init__(count, thread_name_prefix=name)
        self._given = count, name
        _executors.add(self)

    def begin_anew(self) -> None:
        """Forget the threads, and what they were to do: both are the parent's."""
        count, name = self._given
        ThreadPoolExecutor.__init__(self, count, name)


_executors: WeakSet[Threads] = WeakSet()
_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_thread: threading.Thread | None = None


def _forget() -> None:
    """A forked process has the loop and the executors, but not the threads that ran them."""
    global _lock, _loop, _thread
    _lock, _loop, _thread = threading.Lock(), None, None
    for executor in tuple(_executors):
        executor.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def within() -> bool:
    """Whether this is the background loop's own thread, on which nothing may wait for the loop."""
    return threading.current_thread() is _thread


def start(work: Coroutine[Any, Any, T]) -> Work[T]:
    """Begin `work` on the background loop, in a copy of the caller's context (DSPy's settings and traces live there)."""
    try:
        loop = _running()
    except BaseException:  # no more files or threads, say
        work.close()
        raise
    return Work(loop, work)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Wait for `work`, done on the background loop; an interrupt (Ctrl-C) cancels it.

    >>> async def double(x: int) -> int:
    ...     return 2 * x
    >>> run(double(21))
    42
    """
    if within():
        work.close()
        raise RuntimeError("a synchronous call from within the background loop would wait for itself; await the asynchronous one")
    begun = start(work)
    try:
        return begun.result()
    except KeyboardInterrupt:
        begun.stop()
        raise


def _running() -> asyncio.AbstractEventLoop:
    global _loop, _thread
    with _lock:
        if _loop is None:
            loop = asyncio.new_event_loop()
            thread = threading.Thread(target=_run_for_good, args=(loop,), name="seedless-loop", daemon=True)
            thread.start()
            _loop, _thread = loop, thread
        return _loop


def _run_for_good(loop: asyncio.AbstractEventLoop) -> None:
    """Run the loop, whatever a task raises: an exit or an interrupt ends the loop as well as the task, from which its caller gets it."""
    while True:
        with contextlib.suppress(SystemExit, KeyboardInterrupt):
            loop.run_forever()
