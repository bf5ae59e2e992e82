"""What runs inside the sandbox: standard library only, sent there as code, never installed there.

``start`` forks one process into two. The *player* holds the solution. The *referee* holds the checks and the way to
the supervisor; it never runs a line of the solution, and what the player answers reaches it as plain data. So the
solution cannot patch what the checks use, read the checks or the nonce, or speak to the supervisor: it can only
answer the calls it is sent, or end.

What this cannot exclude:

- an answer made for the inputs it is asked about rather than computed (it sees its arguments and may count its calls);
- a check that asks the answer about itself: ``assert f(x)`` holds for anything that calls itself true, and an object of
  the solution's own class says what its methods like to any check that calls them;
- a fault of the kernel.

Where it differs from running code and checks in one process: arguments arrive as copies, so a check does not see them
changed; objects that are not plain data compare by identity, so a solution's own ``__eq__`` counts for nothing; checks
can pass plain data, built-in types and the solution's own objects to it, not functions of theirs (unscored, with the
reason ``sandbox_unsupported_check``).
"""
