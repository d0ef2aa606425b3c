"""
Name servers, routes, and which queue is next.
"""
