package wasmill.bench;

import java.math.BigDecimal;
import java.util.Set;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;

/** The plugin `fraud`: passes on, as they are, orders that are large and from a country that is not trusted. */
final class Fraud {
    private static final BigDecimal THRESHOLD = new BigDecimal(300);
    private static final Set<String> TRUSTED = Set.of("US", "CA");

    private Fraud() {}

    record Order(BigDecimal amount, String country) {
        boolean isSuspicious() {
            return amount.compareTo(THRESHOLD) > 0 && !TRUSTED.contains(country);
        }
    }

    static void add(StreamsBuilder builder, String input, String output) {
        Deserializer<Order> orders = Json.of(Order.class).deserializer();
        builder.stream(input, Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
                .filter((customer, order) -> orders.deserialize(input, order).isSuspicious())
                .to(output, Produced.with(Serdes.ByteArray(), Serdes.ByteArray()));
    }
}
