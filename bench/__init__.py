"""
What the library costs, beside a bare prototype and beside Apache's own clients.

    python -m bench --help

All rows send to one sink on loopback that acknowledges at once and stores
nothing: what is measured is the client.  Laws:

    1. Rows are only compared within one run.  A repetition runs each row once;
       then all are run again, in the other order.

    2. Nothing counts that the sink has not counted too.

    3. Beside each row stands what else the machine was doing.

    4. What cannot be run is named, and why.
"""
