import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/**
 * Reads every queue of a topic from its first message on and prints what is there.
 *
 * <p>No group state is involved: each run sees all that is stored.
 * Options: nameServer, topic, group, expected, settle, quiet, timeout, and those of
 * Credentials.
 */
@SuppressWarnings("deprecation")
public final class Read {
    private static final int MAX_MESSAGES = 32;

    private final DefaultMQPullConsumer consumer;
    private final Map<MessageQueue, Long> next = new LinkedHashMap<>();

    private Read(DefaultMQPullConsumer consumer) {
        this.consumer = consumer;
    }

    public static void main(String[] args) throws Exception {
        Lines.open();
        Options options = new Options(args);
        DefaultMQPullConsumer consumer = new DefaultMQPullConsumer(
            options.text("group"), Credentials.hook(options));
        consumer.setNamesrvAddr(options.text("nameServer"));
        consumer.start();
        new Read(consumer).run(options.text("topic"), new Ending(options));
        Lines.flush();
        consumer.shutdown();
        System.exit(0);
    }

    private void run(String topic, Ending ending) throws Exception {
        for (MessageQueue queue : consumer.fetchSubscribeMessageQueues(topic)) {
            next.put(queue, consumer.minOffset(queue));
        }
        while (!ending.reached()) {
            for (MessageQueue queue : next.keySet()) {
                ending.saw(drain(queue));
            }
            Thread.sleep(20);
        }
    }

    private int drain(MessageQueue queue) throws Exception {
        int count = 0;
        PullResult result;
        do {
            result = consumer.pull(queue, "*", next.get(queue), MAX_MESSAGES, 10_000);
            if (result.getPullStatus() == PullStatus.FOUND) {
                for (MessageExt message : result.getMsgFoundList()) {
                    Lines.print(Lines.of(message, queue.getBrokerName()));
                    count++;
                }
            }
            next.put(queue, result.getNextBeginOffset());
        } while (result.getPullStatus() == PullStatus.FOUND);
        return count;
    }
}
