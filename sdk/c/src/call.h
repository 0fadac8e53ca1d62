/* The call at hand: the events that came in, and the columns of the answer. */

/* What lengths and header counts below zero mean in the contract. */
enum { LENGTH_NULL = -1, LENGTH_SAME = -2 };

/* As the contract limits them, in bytes. */
enum { LONGEST_KEY = 64 << 10, LONGEST_VALUE = (1 << 20) - (64 << 10) - (2 << 10) };

/* An event that failed. The layout is the canonical ABI's. */
typedef struct {
    uint32_t event;
    uint8_t kind;
    wm_text code;
    wm_text message;
    uint8_t has_detail;
    wm_text detail;
} failed;
_Static_assert(sizeof(failed) == 36, "a failure as the contract has it");

/* The columns of `effects` in the contract. Those that are optional stay empty until an output needs them. */
static struct {
    uint32_t done;
    column sources, sinks, partitions, timestamps, key_lengths, value_lengths, data;
    column header_counts, header_names, header_values, header_data;
    column write_sources, write_stores, write_keys, write_values, write_data;
    column timer_sources, timer_clocks, timer_at, timer_keys, timer_data;
    column failures;
} answer;

/* How far the columns had grown before an event. */
typedef struct {
    size_t outputs, data, headers, header_data, timers, timer_data;
} mark;

struct wm_context {
    uint32_t partition;
    int64_t now;
    int64_t stream_time;
    /* Events later than this do not move stream time. */
    int64_t latest;
    /* Of events or timers: which is at hand, and how many there are. */
    uint32_t source;
    uint32_t count;
    const int64_t *timestamps;
    /* Columns of the events; NULL and 0 in a call for timers. */
    const int32_t *key_lengths;
    const int32_t *value_lengths;
    const char *data;
    bool any_headers;
    /* Of the event at hand. */
    wm_headers headers;
    mark mark;
    bool wrote;
    /* The earliest timer on event time that was set in this call. */
    int64_t earliest;
    /* Why the event at hand failed. */
    failed failure;
};

static inline mark mark_now(void) {
    return (mark){
        .outputs = answer.sources.size / 4,
        .data = answer.data.size,
        .headers = answer.header_names.size / 4,
        .header_data = answer.header_data.size,
        .timers = answer.timer_sources.size / 4,
        .timer_data = answer.timer_data.size,
    };
}

static inline void cut(column *of, size_t size) {
    if (of->size > size) {
        of->size = size;
    }
}

/* Forgets what was added after the mark. */
static void cut_back(const mark *to) {
    cut(&answer.sources, 4 * to->outputs);
    cut(&answer.sinks, 4 * to->outputs);
    cut(&answer.partitions, 4 * to->outputs);
    cut(&answer.timestamps, 8 * to->outputs);
    cut(&answer.key_lengths, 4 * to->outputs);
    cut(&answer.value_lengths, 4 * to->outputs);
    cut(&answer.data, to->data);
    cut(&answer.header_counts, 4 * to->outputs);
    cut(&answer.header_names, 4 * to->headers);
    cut(&answer.header_values, 4 * to->headers);
    cut(&answer.header_data, to->header_data);
    cut(&answer.timer_sources, 4 * to->timers);
    cut(&answer.timer_clocks, to->timers);
    cut(&answer.timer_at, 8 * to->timers);
    cut(&answer.timer_keys, 4 * to->timers);
    cut(&answer.timer_data, to->timer_data);
}

/* An empty answer; the columns keep their memory. */
static void answer_begin(void) {
    column *const columns[] = {
        &answer.sources,       &answer.sinks,        &answer.partitions,    &answer.timestamps,  &answer.key_lengths,
        &answer.value_lengths, &answer.data,         &answer.header_counts, &answer.header_names, &answer.header_values,
        &answer.header_data,   &answer.write_sources, &answer.write_stores, &answer.write_keys,  &answer.write_values,
        &answer.write_data,    &answer.timer_sources, &answer.timer_clocks, &answer.timer_at,    &answer.timer_keys,
        &answer.timer_data,    &answer.failures,
    };
    for (size_t index = 0; index < WM_COUNT(columns); index++) {
        columns[index]->size = 0;
    }
    answer.done = 0;
}

/* Notes why the event at hand failed. */
static wm_outcome fail_text(wm_context *ctx, wm_outcome kind, const char *code, wm_text message) {
    const size_t size = strlen(code);
    ctx->failure = (failed){
        .event = ctx->source,
        .kind = (uint8_t)(kind - WM_REJECT),
        .code = utf8_of(&of_call, (wm_text){arena_copy(&of_call, code, size), size}),
        .message = utf8_of(&of_call, message),
    };
    return kind;
}

static wm_outcome fail(wm_context *ctx, wm_outcome kind, const char *code, const char *format, va_list arguments) {
    return fail_text(ctx, kind, code, arena_print(&of_call, format, arguments));
}

#define FAIL(kind)                                                          \
    va_list arguments;                                                      \
    va_start(arguments, format);                                            \
    const wm_outcome outcome = fail(ctx, kind, code, format, arguments);    \
    va_end(arguments);                                                      \
    return outcome

wm_outcome wm_reject(wm_context *ctx, const char *code, const char *format, ...) { FAIL(WM_REJECT); }
wm_outcome wm_retry(wm_context *ctx, const char *code, const char *format, ...) { FAIL(WM_RETRY); }
wm_outcome wm_stop(wm_context *ctx, const char *code, const char *format, ...) { FAIL(WM_STOP); }

uint32_t wm_partition(const wm_context *ctx) { return ctx->partition; }
int64_t wm_now(const wm_context *ctx) { return ctx->now; }
int64_t wm_stream_time(const wm_context *ctx) { return ctx->stream_time; }
int64_t wm_timestamp(const wm_context *ctx) { return ctx->timestamps[ctx->source]; }

void *wm_alloc(wm_context *ctx, size_t size) {
    (void)ctx;
    return arena_take(&of_event, size);
}

wm_text wm_print(wm_context *ctx, const char *format, ...) {
    (void)ctx;
    va_list arguments;
    va_start(arguments, format);
    const wm_text text = arena_print(&of_event, format, arguments);
    va_end(arguments);
    return text;
}

bool wm_next_header(wm_headers *rest, wm_header *header) {
    if (rest->count == 0) {
        return false;
    }
    header->name = (wm_bytes){rest->data, *rest->name_sizes};
    const char *end = rest->data + *rest->name_sizes;
    const int32_t size = *rest->value_sizes;
    header->value = size < 0 ? (wm_bytes){NULL, 0} : (wm_bytes){end, (size_t)size};
    rest->data = end + header->value.size;
    rest->name_sizes++;
    rest->value_sizes++;
    rest->count--;
    return true;
}

bool wm_find_header(const wm_event *event, const char *name, wm_bytes *value) {
    wm_headers rest = event->headers;
    wm_header header;
    bool found = false;
    while (wm_next_header(&rest, &header)) {
        if (wm_equal(header.name, wm_str(name))) {
            *value = header.value;
            found = true;
        }
    }
    return found;
}
