"""
The proof against the real thing: Apache RocketMQ's own servers and clients.

C{python -m tests tests.broker} needs C{java}, C{javac}, C{mvn} and C{go} on
the path; a missing one fails the tests that need it, with its name.  The jars
(releases 5.5.0 and 4.9.7), our small Java programs and our Go program are made
once and kept under C{~/.cache/txrocketmq-tests}, or C{$TXROCKETMQ_CACHE}.

L{jars<tests.broker.jars>} makes them, L{cluster<tests.broker.cluster>} runs
name servers and brokers, L{readers<tests.broker.readers>} runs the Java
programs.  All of that blocks: tests call it by C{deferToThread}, so that the
client under test, in the same process, goes on.
"""
