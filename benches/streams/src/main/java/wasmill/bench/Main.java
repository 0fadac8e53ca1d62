package wasmill.bench;

import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.state.Stores;

/**
 * Runs one job until its input ends, as it does with whoever has started it: {@code job=revenue brokers=host:port
 * application=name input=topic output=topic state=folder store=rocksdb|memory cache=true|false}.
 */
public final class Main {
    private Main() {}

    /** Starts it, and waits. */
    public static void main(String[] arguments) throws IOException {
        Map<String, String> given = new HashMap<>();
        for (String argument : arguments) {
            String[] parts = argument.split("=", 2);
            given.put(parts[0], parts[1]);
        }
        try (KafkaStreams streams = new KafkaStreams(topology(given).build(), settings(given))) {
            streams.setUncaughtExceptionHandler(error -> {
                error.printStackTrace();
                // Whoever measures must see that there is nothing to measure.
                Runtime.getRuntime().halt(1);
                return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
            });
            streams.start();
            while (System.in.read() >= 0) {}
        }
    }

    private static StreamsBuilder topology(Map<String, String> given) {
        StreamsBuilder builder = new StreamsBuilder();
        String input = given.get("input");
        String output = given.get("output");
        switch (given.get("job")) {
            case "fraud" -> Fraud.add(builder, input, output);
            case "revenue" -> {
                var store = given.get("store").equals("memory")
                        ? Stores.inMemoryKeyValueStore("totals")
                        : Stores.persistentKeyValueStore("totals");
                Revenue.add(builder, input, output, store, Boolean.parseBoolean(given.get("cache")));
            }
            default -> throw new IllegalArgumentException("no job " + given.get("job"));
        }
        return builder;
    }

    private static Properties settings(Map<String, String> given) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, given.get("brokers"));
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, given.get("application"));
        settings.put(StreamsConfig.STATE_DIR_CONFIG, given.get("state"));
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        // As a plugin has it: one thread, a commit every 100 ms, 64 MiB of entries in memory, lz4.
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 100);
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 64L << 20);
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), "lz4");
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        return settings;
    }
}
