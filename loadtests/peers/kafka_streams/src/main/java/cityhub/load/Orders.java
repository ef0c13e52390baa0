package cityhub.load;

import cityhub.CaseEvent;
import cityhub.DueTime;
import cityhub.Order;
import cityhub.OrderKind;
import java.io.File;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.api.FixedKeyProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyProcessorContext;
import org.apache.kafka.streams.processor.api.FixedKeyProcessorSupplier;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;
import org.apache.kafka.streams.state.WindowStoreIterator;

/**
 * The job on Kafka Streams with exactly_once_v2. Deduplication is Confluent's published "find distinct events" recipe: a
 * window store of what was seen, here of a day ("window"); a plain key-value store ("keyvalue"), which forgets nothing and
 * is faster, is measured too. Either in RocksDB ("rocksdb") or in memory ("memory").
 */
public final class Orders {
    private static final String SEEN = "seen";
    private static final Duration DAY = Duration.ofDays(1);

    public static void main(String[] args) throws Exception {
        Rules rules = new Rules(new File(env("LOAD_JOB")));
        boolean memory = option("store", "rocksdb").equals("memory");
        boolean window = option("dedup", "window").equals("window");
        StreamsBuilder builder = new StreamsBuilder();
        builder.addStateStore(window ? windowStore(memory) : keyValueStore(memory));
        FixedKeyProcessorSupplier<String, CaseEvent, CaseEvent> distinct =
            window ? DistinctInWindow::new : DistinctForever::new;
        builder.stream(env("LOAD_EVENTS"), Consumed.with(Serdes.String(), new Framed<>(CaseEvent.class, id("CaseEvent"))))
            .processValues(distinct, SEEN)
            .map((key, event) -> {
                Order order = order(rules, event);
                return org.apache.kafka.streams.KeyValue.pair(order.getCaseId(), order);
            })
            .to(env("LOAD_ORDERS"), Produced.with(Serdes.String(), new Framed<>(Order.class, id("Order"))));
        KafkaStreams streams = new KafkaStreams(builder.build(), settings());
        CountDownLatch done = new CountDownLatch(1);
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            done.countDown();
            return org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            streams.close(Duration.ofSeconds(10));
            done.countDown();
        }));
        streams.start();
        done.await();
    }

    private static Properties settings() {
        Properties set = new Properties();
        set.put(StreamsConfig.APPLICATION_ID_CONFIG, env("LOAD_RUN"));
        set.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, env("LOAD_BOOTSTRAP"));
        set.put(StreamsConfig.STATE_DIR_CONFIG, env("LOAD_STATE"));
        set.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        set.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, option("threads", "2"));
        set.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, option("commit_interval_ms", "100"));
        set.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, option("cache_bytes", String.valueOf(64 << 20)));
        set.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, "1");
        set.put(StreamsConfig.TOPOLOGY_OPTIMIZATION_CONFIG, StreamsConfig.OPTIMIZE);
        set.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        set.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), option("max_poll_records", "5000"));
        set.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), "lz4");
        set.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), "5");
        set.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), option("batch_bytes", "131072"));
        return set;
    }

    static Order order(Rules rules, CaseEvent event) {
        String area = event.getPlace().getCode();
        Rules.Route route = rules.route(event.getCategory(), area);
        Rules.Limit limit = rules.limit(event.getCategory());
        Instant opened = event.getReportedAt();
        Instant due = Instant.ofEpochMilli(rules.due(limit, opened.toEpochMilli()));
        return Order.newBuilder()
            .setOrderId("O-" + event.getSourceRef())
            .setKind(OrderKind.ASSIGN)
            .setCaseId("C-" + event.getSourceRef())
            .setDepartment(route.department())
            .setIssuedAt(opened)
            .setArea(area)
            .setRule(route.rule())
            .setDeadlines(List.of(new DueTime("accept", limit.policy(), due)))
            .setEvent(event)
            .build();
    }

    private static StoreBuilder<WindowStore<String, Long>> windowStore(boolean memory) {
        return Stores.windowStoreBuilder(
            memory
                ? Stores.inMemoryWindowStore(SEEN, DAY, DAY, false)
                : Stores.persistentWindowStore(SEEN, DAY, DAY, false),
            Serdes.String(), Serdes.Long());
    }

    private static StoreBuilder<KeyValueStore<String, Long>> keyValueStore(boolean memory) {
        return Stores.keyValueStoreBuilder(
            memory ? Stores.inMemoryKeyValueStore(SEEN) : Stores.persistentKeyValueStore(SEEN),
            Serdes.String(), Serdes.Long()).withCachingEnabled();
    }

    private static String identity(CaseEvent event) {
        return event.getSource() + '\u001f' + event.getSourceRef() + '\u001f' + event.getRevision();
    }

    private static final class DistinctInWindow implements FixedKeyProcessor<String, CaseEvent, CaseEvent> {
        private FixedKeyProcessorContext<String, CaseEvent> context;
        private WindowStore<String, Long> seen;

        @Override
        public void init(FixedKeyProcessorContext<String, CaseEvent> context) {
            this.context = context;
            this.seen = context.getStateStore(SEEN);
        }

        @Override
        public void process(FixedKeyRecord<String, CaseEvent> record) {
            String identity = identity(record.value());
            long now = record.timestamp();
            try (WindowStoreIterator<Long> before = seen.fetch(identity, now - DAY.toMillis(), now + DAY.toMillis())) {
                if (before.hasNext()) {
                    return;
                }
            }
            seen.put(identity, now, now);
            context.forward(record);
        }
    }

    private static final class DistinctForever implements FixedKeyProcessor<String, CaseEvent, CaseEvent> {
        private FixedKeyProcessorContext<String, CaseEvent> context;
        private KeyValueStore<String, Long> seen;

        @Override
        public void init(FixedKeyProcessorContext<String, CaseEvent> context) {
            this.context = context;
            this.seen = context.getStateStore(SEEN);
        }

        @Override
        public void process(FixedKeyRecord<String, CaseEvent> record) {
            if (seen.putIfAbsent(identity(record.value()), record.timestamp()) == null) {
                context.forward(record);
            }
        }
    }

    private static int id(String record) {
        return Integer.parseInt(env("LOAD_SCHEMA_" + record.toUpperCase()));
    }

    private static String option(String name, String otherwise) {
        String value = System.getenv("LOAD_OPTION_" + name.toUpperCase());
        return value == null ? otherwise : value;
    }

    private static String env(String name) {
        String value = System.getenv(name);
        if (value == null) {
            throw new IllegalStateException(name + " is not set; this program is started by loadtests");
        }
        return value;
    }
}
