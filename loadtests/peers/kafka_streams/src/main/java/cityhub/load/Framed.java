package cityhub.load;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificDatumWriter;
import org.apache.avro.specific.SpecificRecordBase;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serializer;

/** Avro in Confluent's framing, by generated classes. One instance serves one stream thread at a time, so each has its own. */
final class Framed<T extends SpecificRecordBase> implements Serde<T> {
    private static final int HEADER = 5;
    private final Class<T> type;
    private final byte[] header;

    Framed(Class<T> type, int schemaId) {
        this.type = type;
        this.header = new byte[] {
            0, (byte) (schemaId >>> 24), (byte) (schemaId >>> 16), (byte) (schemaId >>> 8), (byte) schemaId
        };
    }

    @Override
    public Serializer<T> serializer() {
        ThreadLocal<Writer<T>> writers = ThreadLocal.withInitial(() -> new Writer<>(type));
        return (topic, record) -> record == null ? null : writers.get().write(header, record);
    }

    @Override
    public Deserializer<T> deserializer() {
        ThreadLocal<Reader<T>> readers = ThreadLocal.withInitial(() -> new Reader<>(type));
        return (topic, bytes) -> bytes == null ? null : readers.get().read(bytes);
    }

    private static final class Writer<T> {
        private final SpecificDatumWriter<T> writer;
        private final ByteArrayOutputStream out = new ByteArrayOutputStream(512);
        private BinaryEncoder encoder;

        Writer(Class<T> type) {
            writer = new SpecificDatumWriter<>(type);
        }

        byte[] write(byte[] header, T record) {
            out.reset();
            out.writeBytes(header);
            encoder = EncoderFactory.get().binaryEncoder(out, encoder);
            try {
                writer.write(record, encoder);
                encoder.flush();
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
            return out.toByteArray();
        }
    }

    private static final class Reader<T> {
        private final SpecificDatumReader<T> reader;
        private BinaryDecoder decoder;

        Reader(Class<T> type) {
            reader = new SpecificDatumReader<>(type);
        }

        T read(byte[] bytes) {
            decoder = DecoderFactory.get().binaryDecoder(bytes, HEADER, bytes.length - HEADER, decoder);
            try {
                return reader.read(null, decoder);
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
        }
    }
}
