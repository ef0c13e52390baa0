package cityhub.load;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/** The job's table, as loadtests/job/rules.py writes it. */
final class Rules {
    record Route(String department, String rule) {}

    record Limit(String policy, long millis, boolean office) {}

    private final Map<String, Map<String, Route>> routes = new HashMap<>();
    private final Map<String, Limit> limits = new HashMap<>();
    private final long[] opens;
    private final long[] before;
    private final long[] after;

    Rules(File file) throws IOException {
        JsonNode json = new ObjectMapper().readTree(file);
        json.get("routes").fields().forEachRemaining(entry -> {
            String[] key = entry.getKey().split("\\|");
            JsonNode to = entry.getValue();
            routes.computeIfAbsent(key[0], category -> new HashMap<>())
                .put(key[1], new Route(to.get(0).asText(), to.get(1).asText()));
        });
        json.get("limits").fields().forEachRemaining(entry -> {
            JsonNode limit = entry.getValue();
            limits.put(entry.getKey(), new Limit(
                limit.get("policy").asText(), limit.get("minutes").asLong() * 60_000L, limit.get("office").asBoolean()));
        });
        JsonNode spans = json.get("spans");
        opens = new long[spans.size()];
        before = new long[spans.size()];
        after = new long[spans.size()];
        long worked = 0;
        for (int at = 0; at < opens.length; at++) {
            opens[at] = spans.get(at).get(0).asLong();
            before[at] = worked;
            worked += spans.get(at).get(1).asLong() - opens[at];
            after[at] = worked;
        }
    }

    Route route(String category, String area) {
        return routes.get(category).get(area);
    }

    Limit limit(String category) {
        return limits.get(category);
    }

    long due(Limit limit, long start) {
        if (!limit.office()) {
            return start + limit.millis();
        }
        int found = Arrays.binarySearch(opens, start);
        int at = found >= 0 ? found : -found - 2;
        long wanted = before[at] + Math.min(start - opens[at], after[at] - before[at]) + limit.millis();
        found = Arrays.binarySearch(after, wanted);
        int end = found >= 0 ? found : -found - 1;
        return opens[end] + wanted - before[end];
    }
}
