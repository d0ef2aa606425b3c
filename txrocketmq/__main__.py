"""
C{python -m txrocketmq}: the same as C{txrocketmq}.
"""

from txrocketmq.cli import main

if __name__ == "__main__":
    main()
