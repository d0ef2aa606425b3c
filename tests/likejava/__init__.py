"""
Our producer against Java's, frame by frame.

What Apache's Java clients were told to do when their frames were recorded, ours is
told to do here; what arrives at the sandbox is compared with what they sent.

    - L{scenarios<tests.likejava.scenarios>}: what was recorded.

    - L{replay<tests.likejava.replay>}: the same, done by our client.

    - L{frames<tests.likejava.frames>}: what is the same in two frames.

    - L{declared<tests.likejava.declared>}: what is not, and what is not replayed.
"""
