"""What the rooms promise each other. Implementations live above; everything here is a shape."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

from assay.core.records import Estimate, Item, ModelRequest, Output, Reply, RunRecord, Sample, Score


class Scorer(Protocol):
    """Turns Sample + Output into a Score; pure, and the same for the same version.

    Attributes:
        name: Unique in its task; the column it fills.
        version: Short hash of kind and parameters: another version is another scorer.
        unit: ``share`` for 0/1 verdicts, ``score`` for graded ones, else ``s``, ``usd``, ``tokens``, ``chars`` …
        higher_is_better: Direction; ``None`` where neither is better.
        requires: Of ``reference``, ``choices``, ``option_logprobs``, ``logprobs``, ``isolation``.
    """

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def higher_is_better(self) -> bool | None: ...
    @property
    def requires(self) -> frozenset[str]: ...

    def score(self, sample: Sample, output: Output) -> Score:
        """Score one output; what cannot be scored comes back unscored with its reason."""
        ...


@runtime_checkable
class AsyncScorer(Protocol):
    """A scorer that waits for something outside the process, such as a sandbox."""

    async def score_async(self, sample: Sample, output: Output) -> Score: ...


@runtime_checkable
class Judge(Scorer, Protocol):
    """A Scorer that asks a model."""

    @property
    def model(self) -> str:
        """``provider/name``; of a panel, its members' joined by ``+``."""
        ...

    async def judge(self, sample: Sample, output: Output, *, client: ModelClient) -> Score:
        """One verdict; what cannot be had or read comes back unscored with its reason.

        Raises:
            BudgetExhaustedError: A call was not sent because it might not be payable.
            ProviderError: The key is refused, so every further call is pointless.
        """
        ...


class Metric(Protocol):
    """Reduces the scores of one sample's epochs to one number; samples are then averaged.

    Attributes:
        name: E.g. ``mean``, ``pass@5``, ``pass^3``.
        transform: Applied to mean and bounds at the end: ``identity`` or ``exp``.
    """

    @property
    def name(self) -> str: ...
    @property
    def transform(self) -> str: ...

    def reduce(self, values: Sequence[float]) -> float | None:
        """The sample's number from its scored epochs (at least one); ``None`` when they are too few."""
        ...


class Spending(Protocol):
    """Usage of a run: ``to_dict`` is the ``usage`` object of every command's JSON."""

    @property
    def cost_usd(self) -> float | None: ...

    def to_dict(self) -> Mapping[str, Any]: ...


class ModelClient(Protocol):
    """How solvers and judges reach models."""

    def usage(self) -> Spending:
        """What this run's calls have cost so far."""
        ...

    async def generate(self, request: ModelRequest) -> Reply:
        """Answer one request, from the response table when it was answered before.

        Raises:
            ProviderError: No answer could be had.
            BudgetExhaustedError: It was not sent because it might not be payable.
        """
        ...

    def capabilities(self, model: str) -> frozenset[str]:
        """Of ``chat, completion, options, logprobs, json_schema, tools, images``."""
        ...


class Snapshot(NamedTuple):
    """Where a run stands: the primary metric so far and what it has cost."""

    metric: str
    estimate: Estimate
    cost_usd: float | None
    failed: int


class BatchWait(NamedTuple):
    """Answers that are waited for in a provider's batch.

    Attributes:
        token: Our own name of the batch.
        batch: The provider's name of it; ``""`` while it is being sent.
        requests: How many answers this process waits for; 0: the waiting is over.
        answered: Requests of the batch that the provider says it has dealt with.
        since: When the batch was written down, ISO 8601, UTC.
    """

    token: str
    model: str
    batch: str
    requests: int
    answered: int
    since: str


class Observer(Protocol):
    """Hears what a run does; used for progress."""

    def started(self, *, run_id: str, total: int, done: int, snapshot: Callable[[], Snapshot]) -> None:
        """``snapshot`` may be called at any time for the running figures."""
        ...

    def item(self, item: Item) -> None: ...

    def verdict(self, tier: str, done: int, wanted: int) -> None:
        """A tier of the cascade has given a verdict."""
        ...

    def waiting(self, wait: BatchWait) -> None:
        """A batch was sent, looked at or ended."""
        ...

    def ended(self) -> None:
        """Called once, however the execution ended."""
        ...


class StoredReply(NamedTuple):
    """A reply in the response table and the run that paid for it."""

    payload: bytes
    run_id: str


class PendingBatch(NamedTuple):
    """Requests left with a provider, of which some answers have not been read.

    Attributes:
        token: Our own name of it, known to the provider where it takes one.
        provider_id: The provider's name of it; ``""`` from before it is sent until the provider has answered.
        since: When it was written down, ISO 8601, UTC.
        sending: The process that wrote it down lives and may still be sending it.
    """

    token: str
    provider_id: str
    model: str
    base_url: str
    since: str
    sending: bool = False


@runtime_checkable
class PendingBatches(Protocol):
    """A journal that remembers what was left with providers, so that nothing is paid for twice; many processes at once.

    A request waits in at most one batch. It stops waiting when its reply is collected or it is released.
    """

    def intend_batch(self, batch: PendingBatch, sent_by: Mapping[bytes, str]) -> set[bytes]:
        """Write a batch down before it is sent, committed at once.

        Args:
            sent_by: For each request's key the run that sends it, and so pays for it.

        Returns:
            Keys that are in it: not those that wait in another batch, or were answered meanwhile.
        """
        ...

    def name_batch(self, token: str, provider_id: str) -> None:
        """Write down the provider's name of a batch, committed at once."""
        ...

    def pending_batch(self, key: bytes) -> tuple[PendingBatch, str] | None:
        """The batch in which a request waits, and the run that sent it."""
        ...

    def release_from_batch(self, token: str, keys: Iterable[bytes]) -> None:
        """These requests of a batch got no answer, or are not waited for any more."""
        ...

    def collect_reply(
        self, key: bytes, payload: bytes, *, run_id: str, cost_usd: float | None
    ) -> Awaitable[None] | None:
        """Store the reply to a waiting request, as ``record_reply`` does; nothing where another process was first."""
        ...


class Journal(Protocol):
    """Durable replies and live items of running runs; many processes at once.

    Replies are committed together in the event-loop tick that read them; items, which can be made again from replies,
    soon after; both at once without a loop. ``flush`` commits now.
    """

    def reply(self, key: bytes) -> StoredReply | None:
        """The stored reply, buffered ones included."""
        ...

    def record_reply(
        self, key: bytes, payload: bytes, *, run_id: str, cost_usd: float | None
    ) -> Awaitable[None] | None:
        """Store a reply; what is returned ends when it is committed (``None``: it is already)."""
        ...

    def spent_usd(self, run_id: str) -> float:
        """Sum of the known costs this run has paid for."""
        ...

    def append_item(self, run_id: str, item: Item) -> None:
        """Store a finished item under (run, sample, epoch); repeating the call changes nothing."""
        ...

    def done(self, run_id: str) -> set[tuple[str, int]]:
        """(sample_id, epoch) of the items stored live."""
        ...

    def items(self, run_id: str) -> Iterator[Item]:
        """Live items ordered by (row, epoch), streamed."""
        ...

    def forget_items(self, run_id: str, keys: Iterable[tuple[str, int]] | None = None) -> None:
        """Drop live items: all of a sealed run, or the ones to be made again."""
        ...

    def flush(self) -> None: ...


class Holder(NamedTuple):
    """The process that carries a run out, and since when (ISO 8601, UTC)."""

    host: str
    pid: int
    since: str


class Metadata(Protocol):
    """Runs, who holds them, and their rolled-up results."""

    def create_run(self, record: RunRecord) -> None: ...

    def run(self, run_id: str) -> RunRecord:
        """By id or unique prefix; ``last`` is the newest. Raises NotFoundError with near ids."""
        ...

    def runs(
        self, *, task: str | None = None, model: str | None = None, limit: int = 50, before: str | None = None
    ) -> Sequence[RunRecord]:
        """Newest first; with ``before``, a run's whole id, only those that come after that run in this order."""
        ...

    def update_run(self, run_id: str, *, status: str, summary: Mapping[str, Any] | None = None) -> None: ...

    def acquire(self, run_id: str, *, steal: bool = False) -> None:
        """Take the run for this process; raises RunHeldError naming the living process that holds it.

        A process of another machine counts as living, for nothing here can tell; ``steal`` takes the run from it.
        """
        ...

    def holder(self, run_id: str) -> Holder | None:
        """The living process that holds the run; ``None`` when nobody does, whatever the run's status says."""
        ...

    def release(self, run_id: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PageQuery:
    """Which rows of a run's sample table to show.

    Attributes:
        scorer: Scorer whose value is shown, filtered and sorted by; ``None`` is plan order.
        sort: ``row``, ``value``, ``latency_s``, ``cost_usd`` or ``output_chars``.
        show: ``all``, ``unscored``, ``zero`` (value is 0), ``below`` (value < 1), ``critical`` or ``error``.
        search: Case-insensitive text in id, input or output.
    """

    scorer: str | None = None
    sort: str = "row"
    descending: bool = False
    show: str = "all"
    search: str = ""
    limit: int = 50
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Rows of one page and how many there are in all.

    Attributes:
        rows: ``{"row", "sample_id", "epoch", "input", "output", "latency_s", "cost_usd", "error", "scores":
            {scorer: value | None}}`` with previews cut to 200 characters.
    """

    total: int
    rows: Sequence[Mapping[str, Any]]


class ScoreColumn(NamedTuple):
    """One scorer's verdicts on a run, ordered by (row, epoch): parallel lists."""

    sample_id: list[str]
    epoch: list[int]
    value: list[float | None]
    reason: list[str | None]
    cluster: list[str | None]
    critical: list[bool]


class Results(Protocol):
    """Sealed runs: immutable columns, read by many processes. Every query has a plain-Python twin."""

    def seal(self, run_id: str, items: Iterable[Item]) -> None:
        """Write the run's segments at once (all or nothing); sealing again replaces them."""
        ...

    def sealed(self, run_id: str) -> bool: ...

    def items(self, run_id: str) -> Iterator[Item]:
        """Every item again, ordered by (row, epoch), streamed."""
        ...

    def item(self, run_id: str, sample_id: str, epoch: int = 0) -> Item: ...

    def column(self, run_id: str, scorer: str) -> ScoreColumn: ...

    def page(self, run_id: str, query: PageQuery) -> Page: ...

    def outputs(self, run_id: str, fields: Sequence[str]) -> list[list[Any]]:
        """Fields of the outputs as columns: one list for each field, parallel, ordered by (row, epoch).

        Fields: ``row``, ``epoch``, ``sample_id``, ``cluster``, ``critical``, ``error``, ``finish_reason``; ``empty``
        (neither a tool call nor text that is more than white space); ``latency_s``, ``cost_usd``, ``input_tokens``,
        ``output_tokens`` (``None`` where unknown); ``output_chars``; ``opening`` (the first 300 characters).
        """
        ...

    def segment(self, run_id: str, key: str) -> Mapping[str, str]:
        """sample_id → value of the metadata key, as text; samples without it are absent."""
        ...


class Stores(Protocol):
    """Everything a run is kept in."""

    @property
    def journal(self) -> Journal: ...
    @property
    def metadata(self) -> Metadata: ...
    @property
    def results(self) -> Results: ...
    @property
    def objects(self) -> Objects: ...


class Objects(Protocol):
    """Named immutable blobs (datasets, reports); local directory or S3."""

    def put(self, name: str, data: bytes) -> str:
        """Store at once or not at all and return where (a path or URL)."""
        ...

    def get(self, name: str) -> bytes: ...

    def exists(self, name: str) -> bool: ...

    def names(self, folder: str) -> Sequence[str]:
        """Names below a folder (``a/b`` holds ``a/b/c`` and ``a/b/c/d``, and not ``a/bc``), sorted."""
        ...

    def where(self, name: str) -> str: ...


Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]
