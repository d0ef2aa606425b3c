import java.io.IOException;
import java.util.Arrays;

/**
 * Runs another class's main, and ends this process when standard input does.
 *
 * <p>The parent holds the other end of the pipe: however the parent ends, even by SIGKILL, the
 * pipe closes with it and no server is left behind.
 */
public final class Tethered {
    private Tethered() {
    }

    public static void main(String[] args) throws Exception {
        Thread tether = new Thread(Tethered::endWithInput, "tether");
        tether.setDaemon(true);
        tether.start();
        Class.forName(args[0])
            .getMethod("main", String[].class)
            .invoke(null, (Object) Arrays.copyOfRange(args, 1, args.length));
    }

    private static void endWithInput() {
        try {
            while (System.in.read() >= 0) {
                continue;
            }
        } catch (IOException e) {
            // The pipe is broken, which is an end as well.
        }
        Runtime.getRuntime().halt(137);
    }
}
