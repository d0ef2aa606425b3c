"""
Where messages go: name servers, routes, and which queue is next.
"""
