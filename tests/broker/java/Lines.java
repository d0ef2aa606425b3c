import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.rocketmq.common.message.MessageClientExt;
import org.apache.rocketmq.common.message.MessageExt;

/**
 * Standard output as the programs of this directory use it: one JSON object per line, in ASCII.
 */
final class Lines {
    private static final PrintStream OUT =
        new PrintStream(new BufferedOutputStream(new FileOutputStream(FileDescriptor.out), 1 << 16));

    private Lines() {
    }

    /** Takes standard output for the lines alone: the client, too, likes to write there. */
    static void open() {
        System.setOut(System.err);
    }

    static synchronized void print(Map<String, ?> values) {
        StringBuilder text = new StringBuilder(512);
        write(text, values);
        OUT.append(text).append('\n');
    }

    static synchronized void flush() {
        OUT.flush();
    }

    static Map<String, Object> of(MessageExt message, String brokerName) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("topic", message.getTopic());
        line.put("brokerName", brokerName);
        line.put("queueId", message.getQueueId());
        line.put("queueOffset", message.getQueueOffset());
        line.put("msgId", message.getMsgId());
        line.put("offsetMsgId", ((MessageClientExt) message).getOffsetMsgId());
        line.put("tags", message.getTags());
        line.put("keys", message.getKeys());
        line.put("properties", message.getProperties());
        line.put("flag", message.getFlag());
        line.put("sysFlag", message.getSysFlag());
        line.put("bornTimestamp", message.getBornTimestamp());
        line.put("storeTimestamp", message.getStoreTimestamp());
        byte[] body = message.getBody() == null ? new byte[0] : message.getBody();
        line.put("bodyBase64", Base64.getEncoder().encodeToString(body));
        return line;
    }

    private static void write(StringBuilder text, Object value) {
        if (value instanceof Map) {
            writeMap(text, (Map<?, ?>) value);
        } else if (value == null || value instanceof Number || value instanceof Boolean) {
            text.append(value);
        } else {
            writeString(text, value.toString());
        }
    }

    private static void writeMap(StringBuilder text, Map<?, ?> values) {
        String separator = "{";
        for (Map.Entry<?, ?> entry : values.entrySet()) {
            text.append(separator);
            writeString(text, entry.getKey().toString());
            text.append(':');
            write(text, entry.getValue());
            separator = ",";
        }
        text.append(values.isEmpty() ? "{}" : "}");
    }

    private static void writeString(StringBuilder text, String value) {
        text.append('"');
        for (char c : value.toCharArray()) {
            if (c == '"' || c == '\\') {
                text.append('\\').append(c);
            } else if (c < ' ' || c > '~') {
                text.append(String.format("\\u%04x", (int) c));
            } else {
                text.append(c);
            }
        }
        text.append('"');
    }
}
