"""
The remoting protocol as bytes and values: sans-I/O.

Laws of everything in here:

    1. It imports no Twisted, reads no clock and draws no random number.

    2. Bytes of a peer either decode or raise L{Malformed
       <txrocketmq._wire.malformed.Malformed>}, whatever they are.

    3. Every limit is checked before the bytes it bounds are waited for.
"""
