package com.example.cache;

import java.util.Map;
import java.util.function.Function;

/**
 * A bounded cache.
 */
@ThreadSafe
public class Cache<K, V> implements AutoCloseable {
    private static final int MAX = 100;
    private final Map<K, V> entries;
    int hits, misses;

    /** Makes an empty cache. */
    public Cache(Map<K, V> entries) {
        this.entries = entries;
    }

    // Loads what is missing.
    @Override
    @SuppressWarnings("unchecked")
    public synchronized V get(K key, Function<K, V> load) {
        return entries.computeIfAbsent(key, load);
    }

    @Override
    public void close() {
        entries.clear();
    }

    static {
        System.loadLibrary("cache");
    }

    static class Entry {
        Object value;

        Object value() {
            return value;
        }
    }

    interface Listener<K> {
        void evicted(K key);
    }
}

enum Policy {
    LRU,
    /** Least frequently used. */
    LFU {
        @Override
        int rank() { return 2; }
    };

    int rank() {
        return 1;
    }
}

record Point(int x, int y) {
    Point {
        if (x < 0) throw new IllegalArgumentException();
    }

    double length() {
        return Math.hypot(x, y);
    }
}

@interface ThreadSafe {
    String value() default "";
}
