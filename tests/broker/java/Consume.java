import java.util.List;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageExt;

/**
 * Consumes a topic as applications do: as a member of a group, with heartbeats, rebalancing and
 * committed offsets.
 *
 * <p>Options: nameServer, topic, group, mode (push or lite), expected, settle, quiet, timeout.
 */
public final class Consume {
    /**
     * In milliseconds.  A rebalance in the middle of the first heartbeat, as it comes with two
     * brokers, makes a push consumer 5.x claim a subscription that its brokers get to know only
     * with the next one; until then they refuse its pulls as SUBSCRIPTION_NOT_LATEST.
     */
    private static final int HEARTBEAT_INTERVAL = 1000;

    private Consume() {
    }

    public static void main(String[] args) throws Exception {
        Lines.open();
        Options options = new Options(args);
        Ending ending = new Ending(options);
        if (options.text("mode").equals("push")) {
            push(options, ending);
        } else {
            lite(options, ending);
        }
        Lines.flush();
        System.exit(0);
    }

    private static void push(Options options, Ending ending) throws Exception {
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(options.text("group"));
        consumer.setNamesrvAddr(options.text("nameServer"));
        consumer.setHeartbeatBrokerInterval(HEARTBEAT_INTERVAL);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe(options.text("topic"), "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            print(messages, ending);
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        while (!ending.reached()) {
            Thread.sleep(20);
        }
        consumer.shutdown();
    }

    private static void lite(Options options, Ending ending) throws Exception {
        DefaultLitePullConsumer consumer = new DefaultLitePullConsumer(options.text("group"));
        consumer.setNamesrvAddr(options.text("nameServer"));
        consumer.setHeartbeatBrokerInterval(HEARTBEAT_INTERVAL);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe(options.text("topic"), "*");
        consumer.start();
        while (!ending.reached()) {
            print(consumer.poll(100), ending);
        }
        consumer.shutdown();
    }

    private static void print(List<MessageExt> messages, Ending ending) {
        for (MessageExt message : messages) {
            Lines.print(Lines.of(message, message.getBrokerName()));
        }
        ending.saw(messages.size());
    }
}
