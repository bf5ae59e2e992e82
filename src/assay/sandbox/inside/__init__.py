"""What runs inside the sandbox: standard library only, sent there as code, never installed there.

``start`` forks one process into two. The *player* holds the solution. The *referee* holds the checks and the way to
the supervisor; it never runs a line of the solution, and what the player answers reaches it as plain data.
"""
