package wasmill.bench;

import java.math.BigDecimal;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.state.KeyValueBytesStoreSupplier;

/** The plugin `revenue`: counts and adds up orders by customer, exactly. The topic is keyed by customer. */
final class Revenue {
    private Revenue() {}

    record Order(BigDecimal amount) {}

    record Total(String key, long count, String total) {
        Total add(String customer, Order order) {
            BigDecimal sum = count == 0 ? order.amount : new BigDecimal(total).add(order.amount);
            return new Total(customer, count + 1, sum.toPlainString());
        }
    }

    static void add(
            StreamsBuilder builder, String input, String output, KeyValueBytesStoreSupplier store, boolean cache) {
        var totals = Materialized.<String, Total>as(store)
                .withKeySerde(Serdes.String())
                .withValueSerde(Json.of(Total.class));
        builder.stream(input, Consumed.with(Serdes.String(), Json.of(Order.class)))
                .groupByKey(Grouped.with(Serdes.String(), Json.of(Order.class)))
                .aggregate(
                        () -> new Total("", 0, ""),
                        (customer, order, total) -> total.add(customer, order),
                        cache ? totals.withCachingEnabled() : totals.withCachingDisabled())
                .toStream()
                .to(output, Produced.with(Serdes.String(), Json.of(Total.class)));
    }
}
