import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;

/**
 * Sends messages that may well fail, each by a client of its own, several at a time, and prints how
 * each ended.
 *
 * <p>Options: file, threads, and those of Credentials. Each line of the file is one client, its
 * words with tabs between: name server, topic, mode (sync, async, recall), body, how often it is
 * sent. The first line is run before the others. A recall takes the body for the handle. Each line
 * printed has body, and, if it failed, causes (the exceptions' classes), code (the broker's) and
 * said.
 */
public final class Faults {
    private static final long PATIENCE_SECONDS = 30;
    private static final String RETRY = "async send msg by retry ";

    private final Options options;

    private Faults(Options options) {
        this.options = options;
    }

    public static void main(String[] args) throws Exception {
        Lines.open();
        Options options = new Options(args);
        Faults faults = new Faults(options);
        List<String> lines = Files.readAllLines(Paths.get(options.text("file")));
        faults.run(lines.remove(0).split("\t"));
        ExecutorService threads = Executors.newFixedThreadPool(options.number("threads"));
        for (String line : lines) {
            threads.submit(() -> faults.run(line.split("\t")));
        }
        threads.shutdown();
        threads.awaitTermination(10, TimeUnit.MINUTES);
        Lines.flush();
        System.exit(0);
    }

    private void run(String[] words) {
        DefaultMQProducer producer =
            new DefaultMQProducer("JavaFaults", Credentials.hook(options));
        producer.setNamesrvAddr(words[0]);
        producer.setInstanceName(words[2] + words[3]);
        try {
            producer.start();
            for (int i = 0; i < Integer.parseInt(words[4]); i++) {
                Lines.print(sent(producer, words));
            }
        } catch (Exception e) {
            Lines.print(failed(new LinkedHashMap<>(), words[1], e));
        } finally {
            producer.shutdown();
        }
    }

    private Map<String, Object> sent(DefaultMQProducer producer, String[] words) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("body", words[3]);
        try {
            attempt(producer, words[1], words[2], words[3]);
        } catch (ExecutionException e) {
            failed(line, words[1], e.getCause());
        } catch (Exception e) {
            failed(line, words[1], e);
        }
        return line;
    }

    private void attempt(DefaultMQProducer producer, String topic, String mode, String body)
        throws Exception {
        Message message = new Message(topic, body.getBytes(StandardCharsets.UTF_8));
        switch (mode) {
            case "sync":
                producer.send(message);
                break;
            case "async":
                CompletableFuture<SendResult> ended = new CompletableFuture<>();
                producer.send(message, new SendCallback() {
                    @Override
                    public void onSuccess(SendResult result) {
                        ended.complete(result);
                    }

                    @Override
                    public void onException(Throwable e) {
                        ended.completeExceptionally(e);
                    }
                });
                ended.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
                break;
            case "recall":
                // Not there in 4.9.7, against which this is compiled as well.
                producer.getClass()
                    .getMethod("recallMessage", String.class, String.class)
                    .invoke(producer, topic, body);
                break;
            default:
                throw new IllegalArgumentException("unknown mode " + mode);
        }
    }

    private Map<String, Object> failed(Map<String, Object> line, String topic, Throwable error) {
        StringBuilder causes = new StringBuilder();
        for (Throwable each = error; each != null; each = each.getCause()) {
            causes.append(each.getClass().getSimpleName()).append(' ');
            if (each instanceof MQBrokerException) {
                line.put("code", ((MQBrokerException) each).getResponseCode());
            }
        }
        line.put("causes", causes.toString().trim());
        line.put("said", String.valueOf(error.getMessage()));
        line.put("retried", retried(topic));
        return line;
    }

    /** The brokers an asynchronous send was retried at: nothing but the log tells. */
    private String retried(String topic) {
        Path log = Paths.get(System.getProperty("user.home"), "log");
        try {
            return Files.readAllLines(log).stream()
                .filter(line -> line.contains(RETRY) && line.contains("topic=" + topic + ","))
                .map(line -> line.replaceFirst(".*brokerName=(\\S+).*", "$1"))
                .collect(Collectors.joining(" "));
        } catch (Exception e) {
            return "";
        }
    }
}
