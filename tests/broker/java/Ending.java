/**
 * Decides when a reader has read enough.
 *
 * <p>It reads on for the time {@code settle} after the last of the {@code expected} messages, so
 * that a duplicate is seen, and gives up when nothing came for the time {@code quiet}, or when
 * {@code timeout} is over.
 */
final class Ending {
    private final int expected;
    private final long settle;
    private final long quiet;
    private final long end;
    private int count;
    private long last = System.currentTimeMillis();

    Ending(Options options) {
        expected = options.number("expected");
        settle = options.millis("settle");
        quiet = options.millis("quiet");
        end = last + options.millis("timeout");
    }

    synchronized void saw(int messages) {
        if (messages > 0) {
            count += messages;
            last = System.currentTimeMillis();
        }
    }

    synchronized boolean reached() {
        long now = System.currentTimeMillis();
        return now - last >= (count >= expected ? settle : quiet) || now >= end;
    }
}
