/* Entries of a store in the order of their keys: the host's, and over them what this call has written. */

/* Entries that are asked for at once. */
enum { PAGE = 256 };

typedef struct {
    list key_lengths;
    list value_lengths;
    list data;
    list written;
} host_page;

IMPORT("state-reader", "scan")
void host_scan(uint32_t store, const char *start, size_t start_size, const char *end, size_t end_size, uint32_t reverse,
               uint32_t limit, host_page *answer);

typedef struct {
    wm_bytes key;
    wm_bytes value; /* NULL: deleted, or gone. */
} written_entry;

struct wm_scan {
    uint32_t store;
    int64_t stream_time;
    wm_range range; /* Of what is still to be asked for. */
    bool over;      /* The host has no more. */
    written_entry *written;
    size_t written_count;
    host_page page;
    size_t at; /* In the page: which entry is next, and where it begins. */
    const char *data;
};

static int compare_keys(wm_bytes one, wm_bytes other) {
    const size_t shorter = one.size < other.size ? one.size : other.size;
    const int order = shorter == 0 ? 0 : memcmp(one.data, other.data, shorter);
    return order != 0 ? order : (one.size > other.size) - (one.size < other.size);
}

static int by_key(const void *one, const void *other) {
    return compare_keys(((const written_entry *)one)->key, ((const written_entry *)other)->key);
}

static bool in_range(const wm_range *range, wm_bytes key) {
    return compare_keys(key, range->start) >= 0 && (range->end.data == NULL || compare_keys(key, range->end) < 0);
}

/* What this call has written in the range, in the order of the scan. */
static void gather_written(wm_scan *scan, uint32_t partition) {
    entry *const *dirty = (entry *const *)entries.dirty.data;
    const size_t count = entries.dirty.size / sizeof(entry *);
    scan->written = arena_take(&of_event, count * sizeof(written_entry));
    for (size_t index = 0; index < count; index++) {
        const entry *of = dirty[index];
        const wm_bytes key = {of->key, of->key_size};
        if (of->store != scan->store || of->partition != partition || !in_range(&scan->range, key)) {
            continue;
        }
        const bool gone = !of->present || is_expired(of->store, of->written, scan->stream_time);
        const wm_bytes value = {gone ? NULL : arena_copy(&of_event, of->value.data, of->value.size), of->value.size};
        scan->written[scan->written_count++] = (written_entry){key, value};
    }
    qsort(scan->written, scan->written_count, sizeof(written_entry), by_key);
    for (size_t index = 0; scan->range.reverse && index < scan->written_count / 2; index++) {
        const written_entry other = scan->written[scan->written_count - 1 - index];
        scan->written[scan->written_count - 1 - index] = scan->written[index];
        scan->written[index] = other;
    }
}

wm_range wm_prefix(wm_context *ctx, wm_bytes prefix) {
    (void)ctx;
    /* The end is the next key that does not begin so: the last byte that can be raised is, and what follows it left out. */
    char *end = arena_copy(&of_event, prefix.data, prefix.size);
    size_t size = prefix.size;
    while (size > 0 && (uint8_t)end[size - 1] == 0xff) {
        size--;
    }
    if (size == 0) {
        return (wm_range){.start = prefix};
    }
    end[size - 1]++;
    return (wm_range){.start = prefix, .end = {end, size}};
}

wm_scan *wm_scan_begin(wm_context *ctx, wm_store store, wm_range range) {
    if (store.index >= stores.count) {
        wm_panic("store number %u is used, and %zu are declared", (unsigned)store.index, stores.count);
    }
    wm_scan *scan = arena_take(&of_event, sizeof(wm_scan));
    *scan = (wm_scan){.store = store.index, .stream_time = ctx->stream_time, .range = range};
    /* To the host an empty end is no end. */
    scan->over = range.end.data != NULL && compare_keys(range.start, range.end) >= 0;
    gather_written(scan, ctx->partition);
    return scan;
}

/* The key of the page's last entry. */
static wm_bytes last_key(const host_page *page) {
    const uint32_t *keys = page->key_lengths.data, *values = page->value_lengths.data;
    const char *at = page->data.data;
    for (size_t index = 0; index + 1 < page->key_lengths.count; index++) {
        at += keys[index] + values[index];
    }
    return (wm_bytes){at, keys[page->key_lengths.count - 1]};
}

/* Asks the host for more. */
static void turn_page(wm_scan *scan) {
    wm_range *range = &scan->range;
    host_scan(scan->store, range->start.data, range->start.size, range->end.data, range->end.size, range->reverse, PAGE,
              &scan->page);
    scan->at = 0;
    scan->data = scan->page.data.data;
    if (scan->page.key_lengths.count == 0) {
        scan->over = true;
        return;
    }
    const wm_bytes last = last_key(&scan->page);
    if (range->reverse) {
        range->end = last;
        scan->over = last.size == 0;
    } else {
        char *next = arena_take(&of_event, last.size + 1);
        memcpy(next, last.data, last.size);
        next[last.size] = 0;
        range->start = (wm_bytes){next, last.size + 1};
    }
}

/* The host's next entry that is not gone; false if there is none. It stays the next one. */
static bool peek_host(wm_scan *scan, wm_bytes *key, wm_bytes *value) {
    for (;;) {
        while (scan->at == scan->page.key_lengths.count) {
            if (scan->over) {
                return false;
            }
            turn_page(scan);
        }
        *key = (wm_bytes){scan->data, ((const uint32_t *)scan->page.key_lengths.data)[scan->at]};
        *value = (wm_bytes){scan->data + key->size, ((const uint32_t *)scan->page.value_lengths.data)[scan->at]};
        if (scan->at >= scan->page.written.count ||
            !is_expired(scan->store, ((const int64_t *)scan->page.written.data)[scan->at], scan->stream_time)) {
            return true;
        }
        scan->at++;
        scan->data = value->data + value->size;
    }
}

bool wm_scan_next(wm_scan *scan, wm_bytes *key, wm_bytes *value) {
    for (;;) {
        wm_bytes host_key, host_value;
        const bool host = peek_host(scan, &host_key, &host_value);
        if (!host && scan->written_count == 0) {
            return false;
        }
        int order = !host ? -1 : scan->written_count == 0 ? 1 : compare_keys(scan->written->key, host_key);
        if (host && scan->written_count > 0 && scan->range.reverse) {
            order = -order;
        }
        if (order >= 0) {
            scan->at++;
            scan->data = host_value.data + host_value.size;
        }
        if (order > 0) {
            *key = host_key;
            *value = host_value;
            return true;
        }
        const written_entry next = *scan->written++;
        scan->written_count--;
        if (next.value.data != NULL) {
            *key = next.key;
            *value = next.value;
            return true;
        }
    }
}
