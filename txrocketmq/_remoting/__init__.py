"""
Connections: the remoting protocol on Twisted's transports.

Laws of everything in here:

    1. Only L{protocol<txrocketmq._remoting.protocol>} touches a transport.

    2. Register, then write.  Change state, then fire.  Take the list, then
       walk it.

    3. A request whose bytes never reached a transport says so: its error is
       C{Persisted.NO}.

    4. Twisted's errors are turned into ours once, in L{reasons
       <txrocketmq._remoting.reasons>}.
"""
