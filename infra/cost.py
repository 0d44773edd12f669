"""What a million changes cost on AWS, by component: ``python -m infra.cost`` prints the table of
docs/explanation/scale-and-cost.md. Every input stands here, with its source."""

from __future__ import annotations

from typing import NamedTuple

MONTH = 730 * 3600
"""Seconds of AWS's month."""

# ---- Prices: list prices on demand in US dollars, us-east-1, as AWS published them for 2025. Free tiers are left out.
PRICES = "list prices on demand, us-east-1, 2025, without free tiers"
S3_PUT = S3_LIST = 0.005 / 1e3
S3_GET = 0.0004 / 1e3
S3_GB_MONTH = 0.023
GLACIER_IR_GB_MONTH = 0.004
GLACIER_IR_MOVE = 0.02 / 1e3
SQS_REQUEST = 0.40 / 1e6
LAMBDA_CALL = 0.20 / 1e6
LAMBDA_GB_SECOND = 0.0000133334  # arm64
SNAPSTART_GB_SECOND = 0.0000015046
ACU_HOUR, ACU_HOUR_IO_OPTIMIZED = 0.12, 0.156
AURORA_GB_MONTH, AURORA_GB_MONTH_IO_OPTIMIZED = 0.10, 0.225
AURORA_IO = 0.20 / 1e6
API_CALL = 1.00 / 1e6
ENDPOINT_HOUR = 0.01
SECRET_MONTH = 0.40
ALARM_MONTH = 0.10
METRIC_MONTH = 0.30
LOG_GB = 0.50

# ---- Sizes. Measured where it says so (with the generator of the benchmarks), else assumed.
CHANGES_AN_EVENT = 2.44  # measured
BYTES_A_CHANGE_IN_BUCKET = 55  # measured: zstd, objects of a hundred events or more
BYTES_OF_A_SMALL_OBJECT = 600  # measured: one event alone, zstd
BYTES_A_CHANGE_IN_HISTORY = 450  # measured on MariaDB with 100,000 events, indexes included
MONTHS_IN_BUCKET = 12
MONTHS_BEFORE_GLACIER = 3
SMALLEST_IN_GLACIER = 128 * 1024  # S3 moves no smaller object by default
MONTHS_IN_HISTORY = 3

# ---- Batches.
SECONDS_BETWEEN_OBJECTS = 1.0  # of one recording process, while it has events
LARGEST_OBJECT = 4 * 1024 * 1024 / 1_000  # events: our shippers stop at 4 MiB, an event is about a kilobyte
WINDOW = 1.0  # seconds, of the processor's event source; template.yaml
MESSAGES_A_CALL = 100  # template.yaml
ALARMS = 10  # template.yaml and database.yaml
METRICS = 10  # that the functions write
IDLE_RECEIVES = 5 / 20  # a second: Lambda keeps five long polls of 20 s open

# ---- Work. Assumed, on the slow side of what was measured on two cores.
PROCESSOR_GB = 1769 / 1024
SECONDS_A_CALL = 0.030
SECONDS_AN_EVENT = 0.00025
CHANGES_A_SECOND_AN_ACU = 1_000  # a quarter of a core, indexes larger than memory
IO_A_CHANGE = 0.3
QUERY_GB = 1.0
SECONDS_A_QUESTION = 0.05
READS_RECORDED = 0.5  # of the questions: who asks the same within ten minutes is not recorded again
LOG_BYTES_A_CALL = 900
SECONDS_OF_A_SWEEP = 880  # at most, each hour; template.yaml
KEYS_SWEPT_A_SECOND = 5_000  # listed, a thousand at a time, and looked up
LEAST_ACU = 0.5


class Load(NamedTuple):
    """A place that the stack is put in."""

    events: float
    """A second."""
    processes: int
    """That record."""
    questions: float
    """Requests to the HTTP API a second."""

    @property
    def objects(self) -> float:
        """A second: a process with events in hand lays one object in each span."""
        by_time = min(self.events, self.processes / SECONDS_BETWEEN_OBJECTS)
        return max(by_time, self.events / LARGEST_OBJECT)

    @property
    def changes(self) -> float:
        return self.events * CHANGES_AN_EVENT

    @property
    def calls(self) -> float:
        """Of the processor, a second."""
        return self.objects / max(1.0, min(MESSAGES_A_CALL, self.objects * WINDOW))

    @property
    def objects_kept(self) -> float:
        return self.objects * MONTH * MONTHS_IN_BUCKET

    @property
    def swept(self) -> float:
        """Keys, each hour."""
        return min(self.objects_kept, SECONDS_OF_A_SWEEP * KEYS_SWEPT_A_SECOND)

    @property
    def acu(self) -> float:
        return max(LEAST_ACU, self.changes / CHANGES_A_SECOND_AN_ACU)


LOADS = (Load(1, 4, 0.1), Load(100, 20, 1), Load(10_000, 400, 10))


def components(load: Load) -> dict[str, float]:
    """Dollars a month, by component."""
    return {
        "S3: writing and reading": load.objects * (S3_PUT + S3_GET) * MONTH,
        "S3: keeping for a year": _keeping(load),
        "SQS": (load.objects * 1.2 + IDLE_RECEIVES) * SQS_REQUEST * MONTH,
        "Lambda: processor": (load.calls * LAMBDA_CALL + _busy(load) * PROCESSOR_GB * LAMBDA_GB_SECOND) * MONTH,
        "The sweep, each hour": _sweeps(load),
        "Aurora: capacity": _aurora(load)[0],
        "Aurora: I/O": _aurora(load)[1],
        "Aurora: keeping for three months": _aurora(load)[2],
        "HTTP API and query": _questions(load),
        "Fixed: endpoint, secrets, alarms, metrics": _fixed() + load.calls * LOG_BYTES_A_CALL / 1e9 * LOG_GB * MONTH,
    }


def per_million(load: Load) -> dict[str, float]:
    """Dollars for a million changes, by component."""
    changes = load.changes * MONTH / 1e6
    return {name: dollars / changes for name, dollars in components(load).items()}


def _busy(load: Load) -> float:
    """Seconds of processors in a second."""
    return load.calls * SECONDS_A_CALL + load.events * SECONDS_AN_EVENT


def _keeping(load: Load) -> float:
    """A month's events, kept for a year: what a steady state pays each month."""
    packed = load.changes * BYTES_A_CHANGE_IN_BUCKET
    stored = max(packed, load.objects * BYTES_OF_A_SMALL_OBJECT) * MONTH / 1e9
    if stored * 1e9 / (load.objects * MONTH) < SMALLEST_IN_GLACIER:
        return stored * MONTHS_IN_BUCKET * S3_GB_MONTH
    cold = stored * (MONTHS_IN_BUCKET - MONTHS_BEFORE_GLACIER) * GLACIER_IR_GB_MONTH
    return stored * MONTHS_BEFORE_GLACIER * S3_GB_MONTH + cold + load.objects * MONTH * GLACIER_IR_MOVE


def _aurora(load: Load) -> tuple[float, float, float]:
    """Capacity, I/O and keeping, in whichever of Aurora's two forms is cheaper."""
    hours, stored = MONTH / 3600, load.changes * BYTES_A_CHANGE_IN_HISTORY * MONTH * MONTHS_IN_HISTORY / 1e9
    standard = load.acu * hours * ACU_HOUR, load.changes * IO_A_CHANGE * AURORA_IO * MONTH, stored * AURORA_GB_MONTH
    optimized = load.acu * hours * ACU_HOUR_IO_OPTIMIZED, 0.0, stored * AURORA_GB_MONTH_IO_OPTIMIZED
    return min(standard, optimized, key=sum)


def _sweeps(load: Load) -> float:
    """Listing the bucket, whose objects have been taken long ago."""
    busy = load.swept / KEYS_SWEPT_A_SECOND * PROCESSOR_GB * LAMBDA_GB_SECOND
    return (load.swept / 1_000 * S3_LIST + busy) * MONTH / 3600


def _questions(load: Load) -> float:
    a_question = API_CALL + LAMBDA_CALL + SECONDS_A_QUESTION * QUERY_GB * LAMBDA_GB_SECOND
    a_question += READS_RECORDED * (S3_PUT + S3_GET + 1.2 * SQS_REQUEST)
    return (load.questions * a_question + QUERY_GB * SNAPSTART_GB_SECOND) * MONTH


def _fixed() -> float:
    return ENDPOINT_HOUR * MONTH / 3600 + 2 * SECRET_MONTH + ALARMS * ALARM_MONTH + METRICS * METRIC_MONTH


def _days(load: Load) -> float:
    return load.objects_kept / load.swept / 24


def table() -> str:
    """For the page, as Markdown."""
    heads = [f"{load.events:,.0f} events/s" for load in LOADS]
    costs = [per_million(load) for load in LOADS]
    lines = [f"| dollars per million changes | {' | '.join(heads)} |", "|---|" + "---:|" * len(LOADS)]
    lines += [f"| {name} | {' | '.join(f'{cost[name]:.4f}' for cost in costs)} |" for name in costs[0]]
    lines.append(f"| **together** | {' | '.join(f'**{sum(cost.values()):.4f}**' for cost in costs)} |")
    lines.append(f"| dollars a month | {' | '.join(f'{sum(components(load).values()):,.0f}' for load in LOADS)} |")
    lines.append(f"| objects a second | {' | '.join(f'{load.objects:,.0f}' for load in LOADS)} |")
    lines.append(f"| days until a sweep has seen all | {' | '.join(f'{_days(load):,.1f}' for load in LOADS)} |")
    lines.append(f"| ACU | {' | '.join(f'{load.acu:,.1f}' for load in LOADS)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(table(), end="")
