import java.util.HashMap;
import java.util.Map;

/**
 * The command line of the programs of this directory: {@code name=value} words.
 */
final class Options {
    private final Map<String, String> values = new HashMap<>();

    Options(String[] args) {
        for (String word : args) {
            int at = word.indexOf('=');
            values.put(word.substring(0, at), word.substring(at + 1));
        }
    }

    String text(String name) {
        String value = values.get(name);
        if (value == null) {
            throw new IllegalArgumentException("missing option " + name);
        }
        return value;
    }

    String textOr(String name, String otherwise) {
        return values.getOrDefault(name, otherwise);
    }

    int number(String name) {
        return Integer.parseInt(text(name));
    }

    /** An option given in seconds, fractions included. */
    long millis(String name) {
        return Math.round(Double.parseDouble(text(name)) * 1000);
    }
}
