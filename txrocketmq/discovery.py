"""
Name servers that are found, not configured.
"""

from txrocketmq._routing.discovery import HTTPNameServers

__all__ = ["HTTPNameServers"]
