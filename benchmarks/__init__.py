"""What Byline costs: measured against peers and against the machine's limit. ``python -m benchmarks`` lists the
cases."""
