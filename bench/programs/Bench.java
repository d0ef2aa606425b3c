/* Apache's Java producer, over the remoting protocol, with the settings it has by
 * default but for a send timeout as long as ours (10 s).
 *
 *   java [options] -cp 'jars/*:classes' Bench NAME_SERVER MODE WINDOW BATCH SIZE SECONDS WARM RATE TOPIC
 *
 * MODE is sync (WINDOW threads), async (a semaphore of WINDOW), asyncbp (the
 * client's own back-pressure, WINDOW unused), batch (sync, WINDOW threads) or
 * autobatch (async through the client's accumulator, a semaphore of WINDOW).
 * RATE other than 0 is a paced load of sync or async sends, of which the
 * latencies are told.
 */
import java.lang.management.ManagementFactory;
import java.nio.file.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import java.util.concurrent.locks.LockSupport;
import org.apache.rocketmq.client.producer.*;
import org.apache.rocketmq.common.message.Message;

public class Bench {
    static final LongAdder acked = new LongAdder(), failed = new LongAdder();
    static final LongAdder begun = new LongAdder(), ended = new LongAdder();     // calls of send
    static volatile boolean stop;
    static volatile String firstError;
    static int conc, batch;
    static byte[] body;
    static String topic;

    static long cpu() {
        return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
    }
    static long peak() throws Exception {
        for (String l : Files.readAllLines(Path.of("/proc/self/status")))
            if (l.startsWith("VmHWM")) return Long.parseLong(l.replaceAll("\\D", ""));
        return 0;
    }
    static Message msg() { return new Message(topic, "T", body); }
    static void fail(Throwable e) { failed.increment(); if (firstError == null) firstError = e.toString(); }
    static void drain() throws Exception {
        for (int i = 0; i < 1000 && begun.sum() != ended.sum(); i++) Thread.sleep(10);
    }

    interface Body { void run() throws Exception; }
    static void call(Body b) throws Exception {
        begun.increment();
        try { b.run(); } finally { ended.increment(); }
    }
    static void loop(Body b) {
        Thread t = new Thread(() -> { while (!stop) try { b.run(); } catch (Throwable e) { fail(e); } });
        t.setDaemon(true);
        t.start();
    }

    public static void main(String[] a) throws Exception {
        String ns = a[0], mode = a[1];
        conc = Integer.parseInt(a[2]); batch = Integer.parseInt(a[3]); body = new byte[Integer.parseInt(a[4])];
        Arrays.fill(body, (byte) 'x');
        double secs = Double.parseDouble(a[5]), warm = Double.parseDouble(a[6]), rate = Double.parseDouble(a[7]);
        topic = a[8];
        DefaultMQProducer p = new DefaultMQProducer("GID_bench");
        p.setNamesrvAddr(ns);
        p.setSendMsgTimeout(10000);
        if (mode.equals("asyncbp")) p.setEnableBackpressureForAsyncMode(true);
        if (mode.startsWith("autobatch")) p.setAutoBatch(true);
        p.start();
        for (int i = 0; ; i++) try { p.send(msg(), 3000); acked.increment(); break; } catch (Exception e) { if (i > 20) throw e; Thread.sleep(500); }

        List<Long> lat = Collections.synchronizedList(new ArrayList<>(200000));
        AtomicBoolean record = new AtomicBoolean();
        if (rate > 0) {
            long gap = (long) (1e9 / rate);
            Thread t = new Thread(() -> {
                long next = System.nanoTime();
                while (!stop) try {
                    long now = System.nanoTime();
                    if (now < next) { LockSupport.parkNanos(next - now); continue; }
                    next += gap;
                    final long s = System.nanoTime();
                    begun.increment();
                    try {
                        if (mode.equals("sync")) {
                            p.send(msg());
                            acked.increment();
                            if (record.get()) lat.add(System.nanoTime() - s);
                            ended.increment();
                        } else p.send(msg(), new SendCallback() {
                            public void onSuccess(SendResult r) {
                                acked.increment();
                                if (record.get()) lat.add(System.nanoTime() - s);
                                ended.increment();
                            }
                            public void onException(Throwable e) { fail(e); ended.increment(); }
                        });
                    } catch (Throwable e) { ended.increment(); throw e; }
                } catch (Throwable e) { fail(e); }
            });
            t.setDaemon(true);
            t.start();
        } else switch (mode) {
            case "sync":
                for (int i = 0; i < conc; i++) loop(() -> call(() -> { p.send(msg()); acked.increment(); }));
                break;
            case "batch":
                for (int i = 0; i < conc; i++) loop(() -> call(() -> {
                    List<Message> l = new ArrayList<>(batch);
                    for (int k = 0; k < batch; k++) l.add(msg());
                    p.send(l);
                    acked.add(batch);
                }));
                break;
            default:
                Semaphore sem = new Semaphore(conc);
                boolean own = !mode.equals("asyncbp");
                SendCallback cb = new SendCallback() {
                    public void onSuccess(SendResult r) { acked.increment(); ended.increment(); if (own) sem.release(); }
                    public void onException(Throwable e) { fail(e); ended.increment(); if (own) sem.release(); }
                };
                loop(() -> {
                    if (own) sem.acquire();
                    begun.increment();
                    try { p.send(msg(), cb); } catch (Throwable e) { ended.increment(); if (own) sem.release(); throw e; }
                });
        }
        Thread.sleep((long) (warm * 1000));
        record.set(true);
        long n0 = acked.sum(), f0 = failed.sum(), c0 = cpu(), t0 = System.nanoTime();
        Thread.sleep((long) (secs * 1000));
        long n1 = acked.sum(), f1 = failed.sum(), c1 = cpu(), t1 = System.nanoTime();
        stop = true;
        Thread.sleep(20);       // the loops see it, and then what is in flight ends:
        drain();                // the sink's count must be ours
        long total = acked.sum();
        long[] l; synchronized (lat) { l = lat.stream().mapToLong(Long::longValue).sorted().toArray(); }
        System.out.printf(Locale.ROOT, "RESULT {\"n\": %d, \"total\": %d, \"failed\": %d, \"secs\": %.6f, \"cpu\": %.6f, \"rssKiB\": %d%s%s}%n",
            n1 - n0, total, f1 - f0, (t1 - t0) / 1e9, (c1 - c0) / 1e9, peak(),
            l.length == 0 ? "" : String.format(", \"p50\": %d, \"p99\": %d", l[l.length / 2] / 1000, l[(int) (l.length * 0.99)] / 1000),
            firstError == null ? "" : ", \"error\": \"" + firstError.replaceAll("[\"\\\\\\p{Cntrl}]", " ") + "\"");
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }
}
