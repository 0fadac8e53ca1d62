/* Stores, for the event at hand. */

typedef struct {
    const char *name;
    wm_store_options options;
} declared_store;

static struct {
    declared_store *items;
    size_t count;
} stores;

/* In this call, the keys of events up to here were fetched. */
static size_t fetched;

typedef struct {
    list lengths;
    list data;
    list written;
} host_values;

IMPORT("state-reader", "get-many")
void host_get_many(uint32_t store, const uint32_t *key_sizes, size_t count, const char *keys, size_t size, host_values *answer);

/* Whether an entry that was last written at one stream time is gone at another. */
static bool is_expired(uint32_t store, int64_t written, int64_t stream_time) {
    const uint64_t ttl = stores.items[store].options.ttl_ms;
    if (ttl == 0) {
        return false;
    }
    const uint64_t left = (uint64_t)INT64_MAX - (uint64_t)written; /* Up to the end of time. */
    const int64_t gone = ttl > left ? INT64_MAX : (int64_t)((uint64_t)written + ttl);
    return gone <= stream_time;
}

/* Adds the keys of the events that follow and are not known: they will be asked for next, and a call of the host's costs as
 * much as a short event. */
static void expect_keys_that_follow(const wm_context *ctx, uint32_t store, column *asked) {
    const size_t first = ctx->source + 1 > fetched ? ctx->source + 1 : fetched;
    const char *at = ctx->data;
    for (size_t index = 0; index < ctx->count; index++) {
        const int32_t size = ctx->key_lengths[index], value = ctx->value_lengths[index];
        const wm_bytes key = {at, size < 0 ? 0 : (size_t)size};
        at += key.size + (value < 0 ? 0 : (size_t)value);
        if (index < first || size < 0 || size > LONGEST_KEY) {
            continue;
        }
        const uint64_t hash = hash_of(store, ctx->partition, key);
        if (look_up(hash, store, ctx->partition, key) == NULL) {
            *(entry **)column_add(asked, sizeof(entry *)) = expect_entry(hash, store, ctx->partition, key);
        }
    }
    fetched = ctx->count;
}

/* Fills in the entries. The host may leave some out, never the first one: they are unknown again. */
static void fetch_entries(uint32_t store, entry *const *asked, size_t count) {
    static column sizes, keys;
    sizes.size = keys.size = 0;
    for (size_t index = 0; index < count; index++) {
        push_u32(&sizes, asked[index]->key_size);
        push_bytes(&keys, asked[index]->key, asked[index]->key_size);
    }
    host_values values;
    host_get_many(store, (const uint32_t *)sizes.data, count, keys.data, keys.size, &values);
    const int32_t *lengths = values.lengths.data;
    const char *data = values.data.data;
    const int64_t *written = values.written.data;
    for (size_t index = 0; index < values.lengths.count && index < count; index++) {
        entry *of = asked[index];
        if (lengths[index] >= 0) {
            set_value(&of->value, (wm_bytes){data, (size_t)lengths[index]});
            of->present = true;
            of->written = index < values.written.count ? written[index] : INT64_MIN;
            data += lengths[index];
        }
        count_bytes(of);
    }
    for (size_t left_out = values.lengths.count; left_out < count; left_out++) {
        /* They were added in this order, and nothing since. */
        let_go(entries.count - 1);
        fetched = 0;
    }
}

/* The entry of a key, from the host unless it is known. */
static entry *find_entry(const wm_context *ctx, uint32_t store, wm_bytes key) {
    const uint64_t hash = hash_of(store, ctx->partition, key);
    entry *known = look_up(hash, store, ctx->partition, key);
    if (known != NULL) {
        known->used += known->used < AGAIN;
        return known;
    }
    static column asked;
    asked.size = 0;
    known = expect_entry(hash, store, ctx->partition, key);
    *(entry **)column_add(&asked, sizeof(entry *)) = known;
    if (stores.items[store].options.keyed_by_event && ctx->key_lengths != NULL) {
        expect_keys_that_follow(ctx, store, &asked);
    }
    fetch_entries(store, (entry *const *)asked.data, asked.size / sizeof(entry *));
    known->used = 1;
    return known;
}

static wm_outcome check_key(wm_context *ctx, wm_store store, wm_bytes key) {
    if (unlikely(store.index >= stores.count)) {
        wm_panic("store number %u is used, and %zu are declared", (unsigned)store.index, stores.count);
    }
    if (unlikely(key.size > LONGEST_KEY)) {
        return wm_reject(ctx, "long-key", "a key for a store has %zu bytes, and %d are the most", key.size, LONGEST_KEY);
    }
    return WM_OK;
}

wm_outcome wm_get(wm_context *ctx, wm_store store, wm_bytes key, wm_bytes *value) {
    *value = (wm_bytes){NULL, 0};
    WM_TRY(check_key(ctx, store, key));
    const entry *of = find_entry(ctx, store.index, key);
    if (of->present && !is_expired(store.index, of->written, ctx->stream_time)) {
        *value = (wm_bytes){of->value.data, of->value.size};
    }
    return WM_OK;
}

wm_outcome wm_put(wm_context *ctx, wm_store store, wm_bytes key, wm_bytes value) {
    WM_TRY(check_key(ctx, store, key));
    if (unlikely(value.size > LONGEST_VALUE)) {
        return wm_reject(ctx, "long-value", "a value for a store has %zu bytes, and %d are the most", value.size, LONGEST_VALUE);
    }
    write_entry(find_entry(ctx, store.index, key), &value, ctx->stream_time, ctx->source);
    ctx->wrote = true;
    return WM_OK;
}

wm_outcome wm_delete(wm_context *ctx, wm_store store, wm_bytes key) {
    WM_TRY(check_key(ctx, store, key));
    entry *of = find_entry(ctx, store.index, key);
    if (of->present) {
        write_entry(of, NULL, ctx->stream_time, ctx->source);
        ctx->wrote = true;
    }
    return WM_OK;
}
