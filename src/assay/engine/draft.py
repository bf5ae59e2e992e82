"""Sealing while a run goes on: its items are written in plan order by a thread, and published when the run ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError, Future
from queue import Full, Queue
from threading import Thread

from assay.core.protocols import Results
from assay.core.records import Item

Key = tuple[int, int]
CHUNK = 500
_CHUNKS_QUEUED = 8
_MOST_WAITING = 5_000
_LOOK_S = 0.05


class Draft:
    """The sealed form of a run in the making.

    The journal keeps every item all the same: a draft that is given up, or dies with its process, costs nothing but
    the sealing at the end that it would have saved. It gives itself up when an item that is late holds back too many
    others.

    Args:
        order: (row, epoch) of every item of the run, ascending.
    """

    def __init__(self, results: Results, run_id: str, *, order: Iterable[Key]) -> None:
        self._order = iter(order)
        self._next = next(self._order, None)
        self._waiting: dict[Key, Item] = {}
        self._chunk: list[Item] = []
        self._queue: Queue[list[Item] | None] = Queue(_CHUNKS_QUEUED)
        self._ended = False
        self._sealed: Future[None] = Future()
        self._thread = Thread(target=self._seal, args=(results, run_id), name=f"seal {run_id}", daemon=True)
        self._thread.start()

    def add(self, item: Item) -> None:
        """Take one finished item, in any order, each once."""
        if self._ended:
            return
        self._waiting[item.row, item.output.epoch] = item
        while self._next in self._waiting:
            self._chunk.append(self._waiting.pop(self._next))
            self._next = next(self._order, None)
            if len(self._chunk) >= CHUNK:
                self._hand_over()
        if len(self._waiting) > _MOST_WAITING:
            self.give_up()

    def publish(self) -> bool:
        """Seal what was added; ``False`` when the draft was given up before.

        Raises:
            StoreError: It could not be written.
        """
        if self._ended:
            return False
        self._chunk.extend(self._waiting[key] for key in sorted(self._waiting))
        self._hand_over()
        self._end()
        self._sealed.result()
        return True

    def give_up(self) -> None:
        """Leave the run unsealed, and nothing behind."""
        if not self._ended:
            self._queue.queue.clear()
            self._put(None)
            self._end()

    def _hand_over(self) -> None:
        self._put(self._chunk)
        self._chunk = []

    def _end(self) -> None:
        self._ended = True
        self._put([])
        self._thread.join()
        self._waiting.clear()

    def _put(self, chunk: list[Item] | None) -> None:
        while not self._sealed.done():
            try:
                self._queue.put(chunk, timeout=_LOOK_S)
            except Full:
                continue
            return

    def _seal(self, results: Results, run_id: str) -> None:
        try:
            results.seal(run_id, self._items())
        except BaseException as error:  # it belongs to whoever asks for the result
            self._sealed.set_exception(error)
        else:
            self._sealed.set_result(None)

    def _items(self) -> Iterator[Item]:
        while chunk := self._queue.get():
            yield from chunk
        if chunk is None:
            raise CancelledError
