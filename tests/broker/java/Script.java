import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.selector.SelectMessageQueueByHash;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;

/**
 * Sends what a file tells it to, one after the other, and prints for each what the client said.
 *
 * <p>Options: nameServer, group, file. Each line of the file is one send, its words in base64 with
 * tabs between: mode (sync, async, oneway, queue, hash), topic, tags, keys, flag, delay level,
 * waitStoreMsgOK, queueId, argument of the hash, body, then names and values of properties. Empty
 * tags and keys are not set.
 */
public final class Script {
    private static final int BODY = 9;
    private static final long TIMEOUT_SECONDS = 30;

    private final DefaultMQProducer producer;

    private Script(DefaultMQProducer producer) {
        this.producer = producer;
    }

    public static void main(String[] args) throws Exception {
        Lines.open();
        Options options = new Options(args);
        DefaultMQProducer producer = new DefaultMQProducer(options.text("group"));
        producer.setNamesrvAddr(options.text("nameServer"));
        producer.setSendMsgTimeout((int) TimeUnit.SECONDS.toMillis(TIMEOUT_SECONDS));
        producer.start();
        Script script = new Script(producer);
        int index = 0;
        for (String line : Files.readAllLines(Paths.get(options.text("file")))) {
            script.run(index++, line.split("\t", -1));
        }
        Lines.flush();
        producer.shutdown();
        System.exit(0);
    }

    private void run(int index, String[] words) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("index", index);
        try {
            SendResult result = send(text(words[0]), message(words), words);
            line.put("sendStatus", result == null ? null : result.getSendStatus());
        } catch (Exception e) {
            line.put("error", e.toString());
        }
        Lines.print(line);
    }

    private SendResult send(String mode, Message message, String[] words) throws Exception {
        switch (mode) {
            case "sync":
                return producer.send(message);
            case "async":
                return async(message);
            case "oneway":
                producer.sendOneway(message);
                return null;
            case "queue":
                int queueId = Integer.parseInt(text(words[7]));
                return producer.send(
                    message, new MessageQueue(message.getTopic(), "broker-a", queueId));
            case "hash":
                return producer.send(message, new SelectMessageQueueByHash(), text(words[8]));
            default:
                throw new IllegalArgumentException("unknown mode " + mode);
        }
    }

    private SendResult async(Message message) throws Exception {
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
        return ended.get(TIMEOUT_SECONDS, TimeUnit.SECONDS);
    }

    private static Message message(String[] words) {
        Message message = new Message(text(words[1]), Base64.getDecoder().decode(words[BODY]));
        if (!words[2].isEmpty()) {
            message.setTags(text(words[2]));
        }
        if (!words[3].isEmpty()) {
            message.setKeys(text(words[3]));
        }
        message.setFlag(Integer.parseInt(text(words[4])));
        int level = Integer.parseInt(text(words[5]));
        if (level > 0) {
            message.setDelayTimeLevel(level);
        }
        message.setWaitStoreMsgOK(Boolean.parseBoolean(text(words[6])));
        for (int i = BODY + 1; i < words.length; i += 2) {
            message.putUserProperty(text(words[i]), text(words[i + 1]));
        }
        return message;
    }

    private static String text(String word) {
        return new String(Base64.getDecoder().decode(word), StandardCharsets.UTF_8);
    }
}
