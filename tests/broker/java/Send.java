import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Semaphore;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageClientIDSetter;
import org.apache.rocketmq.common.message.MessageQueue;

/**
 * Sends {@code count} messages whose content follows from their index, and prints for each what
 * the client said.
 *
 * <p>Options: nameServer, topic, group, prefix, mode (sync, async, oneway, batch), count, batch (messages
 * per batch). Message i has the body "PREFIX i" and a rocket, the tag "tag" + i % 5, the key
 * "key" + i and the property index=i.
 */
public final class Send {
    private static final int IN_FLIGHT = 64;

    private final DefaultMQProducer producer;
    private final Options options;
    private final int count;

    private Send(DefaultMQProducer producer, Options options) {
        this.producer = producer;
        this.options = options;
        this.count = options.number("count");
    }

    public static void main(String[] args) throws Exception {
        Lines.open();
        Options options = new Options(args);
        DefaultMQProducer producer = new DefaultMQProducer(options.text("group"));
        producer.setNamesrvAddr(options.text("nameServer"));
        producer.setSendMsgTimeout(10_000);
        producer.start();
        new Send(producer, options).run(options.text("mode"));
        Lines.flush();
        producer.shutdown();
        System.exit(0);
    }

    private void run(String mode) throws Exception {
        switch (mode) {
            case "sync":
                sync();
                break;
            case "async":
                async();
                break;
            case "oneway":
                oneway();
                break;
            case "batch":
                batches(options.number("batch"));
                break;
            default:
                throw new IllegalArgumentException("unknown mode " + mode);
        }
    }

    private Message message(int index) {
        String body = options.text("prefix") + " " + index + " \ud83d\ude80";
        Message message = new Message(options.text("topic"), "tag" + index % 5, "key" + index,
            body.getBytes(StandardCharsets.UTF_8));
        message.putUserProperty("index", Integer.toString(index));
        return message;
    }

    private void sync() {
        for (int i = 0; i < count; i++) {
            try {
                print(i, producer.send(message(i)));
            } catch (Exception e) {
                print(i, e);
            }
        }
    }

    private void async() throws Exception {
        Semaphore room = new Semaphore(IN_FLIGHT);
        for (int i = 0; i < count; i++) {
            int index = i;
            room.acquire();
            producer.send(message(i), new SendCallback() {
                @Override
                public void onSuccess(SendResult result) {
                    print(index, result);
                    room.release();
                }

                @Override
                public void onException(Throwable e) {
                    print(index, e);
                    room.release();
                }
            });
        }
        room.acquire(IN_FLIGHT);
    }

    private void oneway() throws Exception {
        for (int i = 0; i < count; i++) {
            Message message = message(i);
            producer.sendOneway(message);
            Lines.print(line(i, MessageClientIDSetter.getUniqID(message)));
        }
        // An answer on each broker's connection: what was written before it has left.
        for (MessageQueue queue : producer.fetchPublishMessageQueues(options.text("topic"))) {
            producer.maxOffset(queue);
        }
    }

    private void batches(int size) {
        for (int i = 0; i < count; i += size) {
            List<Message> messages = new ArrayList<>();
            for (int j = i; j < Math.min(i + size, count); j++) {
                messages.add(message(j));
            }
            try {
                print(i, messages, producer.send(messages));
            } catch (Exception e) {
                print(i, e);
            }
        }
    }

    private static Map<String, Object> line(int index, String msgId) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("index", index);
        line.put("msgId", msgId);
        return line;
    }

    private static void print(int index, Throwable error) {
        Map<String, Object> line = line(index, null);
        line.put("error", error.toString());
        Lines.print(line);
    }

    private static void print(int index, SendResult result) {
        Map<String, Object> line = line(index, result.getMsgId());
        line.put("sendStatus", result.getSendStatus());
        line.put("offsetMsgId", result.getOffsetMsgId());
        line.put("brokerName", result.getMessageQueue().getBrokerName());
        line.put("queueId", result.getMessageQueue().getQueueId());
        line.put("queueOffset", result.getQueueOffset());
        Lines.print(line);
    }

    /** A batch has one result, whose ids are lists with commas. */
    private static void print(int first, List<Message> messages, SendResult result) {
        String[] offsetMsgIds = result.getOffsetMsgId().split(",");
        for (int i = 0; i < messages.size(); i++) {
            Map<String, Object> line =
                line(first + i, MessageClientIDSetter.getUniqID(messages.get(i)));
            line.put("sendStatus", result.getSendStatus());
            line.put("offsetMsgId", offsetMsgIds[i]);
            line.put("brokerName", result.getMessageQueue().getBrokerName());
            line.put("queueId", result.getMessageQueue().getQueueId());
            line.put("queueOffset", result.getQueueOffset() + i);
            Lines.print(line);
        }
    }
}
