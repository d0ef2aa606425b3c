"""
What happens between a call of C{send} and the end of its Deferred.
"""
