/* What the host calls: the exports of the world `batch-plugin`, by the canonical ABI. Their answers are static: the host
 * has read one before it calls again. */

static list list_of(const column *of, size_t element) { return (list){of->data, (uint32_t)(of->size / element)}; }

EXPORT("lifecycle", "describe") const void *wasmill_describe(void) {
    static struct {
        wm_text name, version, description;
        uint8_t has_schema;
        wm_text schema;
    } about;
    const wm_plugin *plugin = &wasmill_plugin;
    about.name = wm_str(plugin->name);
    about.version = wm_str(plugin->version == NULL ? "" : plugin->version);
    about.description = wm_str(plugin->description == NULL ? "" : plugin->description);
    about.has_schema = plugin->settings_schema != NULL;
    if (about.has_schema) {
        about.schema = wm_str(plugin->settings_schema);
    }
    return &about;
}

static list wiring_stores(void) {
    wiring_store *all = arena_take(&of_call, stores.count * sizeof(wiring_store));
    for (size_t index = 0; index < stores.count; index++) {
        const declared_store *of = &stores.items[index];
        all[index] = (wiring_store){
            .name = wm_str(of->name),
            .has_ttl = of->options.ttl_ms != 0,
            .ttl_ms = of->options.ttl_ms,
            .version = of->options.version,
            .keyed_by_event = of->options.keyed_by_event,
        };
    }
    return (list){all, (uint32_t)stores.count};
}

EXPORT("lifecycle", "configure") const void *wasmill_configure(const char *settings, size_t size) {
    static struct {
        uint8_t refused;
        union {
            struct {
                list inputs, sinks, stores;
            } wiring;
            wm_text refusal;
        } as;
    } configured;
    static wm_setup setup;
    lowest_level = NOT_ASKED;
    setup.settings = (wm_text){settings, size};
    const bool good = wasmill_plugin.configure == NULL || wasmill_plugin.configure(&setup);
    if (good && setup.refusal == NULL) {
        configured.as.wiring.inputs = list_of(&setup.inputs, sizeof(port));
        configured.as.wiring.sinks = list_of(&setup.sinks, sizeof(sink));
        configured.as.wiring.stores = wiring_stores();
        check_names(&setup, "input", (const wm_text *)setup.inputs.data, configured.as.wiring.inputs.count, sizeof(port));
        check_names(&setup, "sink", (const wm_text *)setup.sinks.data, configured.as.wiring.sinks.count, sizeof(sink));
        check_names(&setup, "store", configured.as.wiring.stores.data, stores.count, sizeof(wiring_store));
    }
    configured.refused = !good || setup.refusal != NULL;
    if (configured.refused) {
        configured.as.refusal = wm_str(setup.refusal == NULL ? "configure failed, and did not say why" : setup.refusal);
    }
    return &configured;
}

/* Settings are kept by the plugin: what the call was given and has noted lasts as long as the instance. */
EXPORT_POST("lifecycle", "configure") void wasmill_configured(const void *answered) {
    (void)answered;
    of_call.first = NULL;
    of_event.first = NULL;
}

/* The record `batch` of the contract, as the canonical ABI lays it out. */
typedef struct {
    uint32_t partition;
    int64_t now;
    int64_t stream_time;
    int64_t latest;
    uint32_t input;
    wm_text topic;
    list offsets, timestamps, key_lengths, value_lengths, data;
    list header_counts, header_names, header_values, header_data;
} batch;
_Static_assert(sizeof(batch) == 120, "a batch as the contract has it");

/* The record `effects`. */
typedef struct {
    uint32_t done;
    list sources, sinks, partitions, timestamps, key_lengths, value_lengths, data;
    list header_counts, header_names, header_values, header_data;
    list write_sources, write_stores, write_keys, write_values, write_data;
    list timer_sources, timer_clocks, timer_at, timer_keys, timer_data;
    list failures;
} effects;
_Static_assert(sizeof(effects) == 180, "effects as the contract has them");

static const void *answer_end(void) {
    static effects all;
    answer_writes();
    all = (effects){
        .done = answer.done,
        .sources = list_of(&answer.sources, 4),
        .sinks = list_of(&answer.sinks, 4),
        .partitions = list_of(&answer.partitions, 4),
        .timestamps = list_of(&answer.timestamps, 8),
        .key_lengths = list_of(&answer.key_lengths, 4),
        .value_lengths = list_of(&answer.value_lengths, 4),
        .data = list_of(&answer.data, 1),
        .header_counts = list_of(&answer.header_counts, 4),
        .header_names = list_of(&answer.header_names, 4),
        .header_values = list_of(&answer.header_values, 4),
        .header_data = list_of(&answer.header_data, 1),
        .write_sources = list_of(&answer.write_sources, 4),
        .write_stores = list_of(&answer.write_stores, 4),
        .write_keys = list_of(&answer.write_keys, 4),
        .write_values = list_of(&answer.write_values, 4),
        .write_data = list_of(&answer.write_data, 1),
        .timer_sources = list_of(&answer.timer_sources, 4),
        .timer_clocks = list_of(&answer.timer_clocks, 1),
        .timer_at = list_of(&answer.timer_at, 8),
        .timer_keys = list_of(&answer.timer_keys, 4),
        .timer_data = list_of(&answer.timer_data, 1),
        .failures = list_of(&answer.failures, sizeof(failed)),
    };
    return &all;
}

static void call_begin(void) {
    lowest_level = NOT_ASKED;
    fetched = 0;
    answer_begin();
}

/* The next event or timer. What is added from here on is its effect. */
static inline void begin(wm_context *ctx) {
    ctx->source = answer.done++;
    ctx->mark = mark_now();
}

/* Keeps the effects of the event or timer at hand, or drops them and notes why it failed. Whether the call may go on. */
static inline bool finish(wm_context *ctx, wm_outcome outcome) {
    bool goes_on = true;
    if (unlikely(outcome != WM_OK)) {
        cut_back(&ctx->mark);
        take_writes_back();
        if (ctx->failure.code.data == NULL || ctx->failure.event != ctx->source) {
            fail_text(ctx, outcome, "failed", wm_lit("the plugin did not say why"));
        }
        ctx->failure.kind = (uint8_t)(outcome - WM_REJECT);
        push_bytes(&answer.failures, &ctx->failure, sizeof(failed));
        goes_on = outcome == WM_REJECT;
    } else if (ctx->wrote) {
        keep_writes();
    }
    ctx->wrote = false;
    ctx->failure.code.data = NULL;
    arena_reset(&of_event);
    return goes_on;
}

/* A run of events ends where the host must look at the timers before the next one: after the event that made a timer due
 * which was set in this very run. A failed event moves stream time as well. */
static inline bool no_timer_is_due(wm_context *ctx) {
    for (size_t set = ctx->mark.timers; unlikely(set < answer.timer_sources.size / 4); set++) {
        const int64_t at = ((const int64_t *)answer.timer_at.data)[set];
        if (answer.timer_clocks.data[set] == WM_EVENT_TIME && at >= 0 && at < ctx->earliest) {
            ctx->earliest = at;
        }
    }
    return ctx->earliest > ctx->stream_time;
}

static inline wm_bytes take_field(const char **at, int32_t size) {
    if (size < 0) {
        return (wm_bytes){NULL, 0};
    }
    const wm_bytes field = {*at, (size_t)size};
    *at += size;
    return field;
}

/* Takes so many headers off those that are left. */
static wm_headers take_headers(wm_headers *rest, int32_t count) {
    wm_headers taken = *rest;
    taken.count = (size_t)count;
    rest->count = (size_t)count;
    wm_header header;
    while (wm_next_header(rest, &header)) {
    }
    return taken;
}

EXPORT("batch-processor", "process-batch") const void *wasmill_process_batch(const batch *in) {
    wm_context ctx = {
        .partition = in->partition,
        .now = in->now,
        .stream_time = in->stream_time,
        .latest = in->latest,
        .count = in->offsets.count,
        .timestamps = in->timestamps.data,
        .key_lengths = in->key_lengths.data,
        .value_lengths = in->value_lengths.data,
        .data = in->data.data,
        .any_headers = in->header_counts.count > 0,
        .earliest = INT64_MAX,
    };
    wm_event event = {.input = {in->input}, .topic = in->topic, .partition = in->partition};
    wm_headers rest = {in->header_names.data, in->header_values.data, in->header_data.data, 0};
    const char *at = in->data.data;
    call_begin();
    for (size_t index = 0; index < ctx.count; index++) {
        event.offset = ((const uint64_t *)in->offsets.data)[index];
        event.timestamp = ctx.timestamps[index];
        event.key = take_field(&at, ctx.key_lengths[index]);
        event.value = take_field(&at, ctx.value_lengths[index]);
        if (ctx.any_headers) {
            event.headers = ctx.headers = take_headers(&rest, ((const int32_t *)in->header_counts.data)[index]);
        }
        if (event.timestamp <= ctx.latest && event.timestamp > ctx.stream_time) {
            ctx.stream_time = event.timestamp;
        }
        begin(&ctx);
        const bool goes_on = finish(&ctx, wasmill_plugin.process(&event, &ctx));
        if (!(no_timer_is_due(&ctx) && goes_on)) {
            break;
        }
    }
    return answer_end();
}

/* A timer of the contract, as the canonical ABI lays it out. */
typedef struct {
    wm_bytes key;
    int64_t at;
    uint8_t clock;
} due_timer;
_Static_assert(sizeof(due_timer) == 24, "a timer as the contract has it");

/* Whether the timer at hand has left those that follow as they were: it has set none that is due already, and changed none
 * of them. */
static bool nothing_disturbed(const wm_context *ctx, const due_timer *follow) {
    const char *key = answer.timer_data.data + ctx->mark.timer_data;
    for (size_t set = ctx->mark.timers; set < answer.timer_sources.size / 4; set++) {
        const int64_t at = ((const int64_t *)answer.timer_at.data)[set];
        const uint8_t clock = (uint8_t)answer.timer_clocks.data[set];
        const wm_bytes changed = {key, ((const uint32_t *)answer.timer_keys.data)[set]};
        key += changed.size;
        if (at >= 0 && at <= (clock == WM_EVENT_TIME ? ctx->stream_time : ctx->now)) {
            return false;
        }
        for (size_t index = 0; index < ctx->count - ctx->source - 1; index++) {
            if (follow[index].clock == clock && wm_equal(follow[index].key, changed)) {
                return false;
            }
        }
    }
    return true;
}

EXPORT("batch-processor", "process-timers")
const void *wasmill_process_timers(uint32_t partition, int64_t now, int64_t stream_time, int64_t latest, const due_timer *due,
                                   size_t count) {
    wm_context ctx = {
        .partition = partition, .now = now, .stream_time = stream_time, .latest = latest, .count = (uint32_t)count, .earliest = INT64_MAX};
    int64_t *timestamps = arena_take(&of_call, count * sizeof(int64_t));
    for (size_t index = 0; index < count; index++) {
        timestamps[index] = due[index].at;
    }
    ctx.timestamps = timestamps;
    call_begin();
    for (size_t index = 0; index < count; index++) {
        const wm_timer timer = {due[index].key, due[index].at, (wm_clock)due[index].clock};
        begin(&ctx);
        const bool goes_on = finish(&ctx, wasmill_plugin.on_timer == NULL ? WM_OK : wasmill_plugin.on_timer(&timer, &ctx));
        if (!(nothing_disturbed(&ctx, &due[index + 1]) && goes_on)) {
            break;
        }
    }
    return answer_end();
}

EXPORT_POST("batch-processor", "process-batch") void wasmill_batch_processed(const void *answered) {
    (void)answered;
    arena_reset(&of_call);
}

EXPORT_POST("batch-processor", "process-timers") void wasmill_timers_processed(const void *answered) {
    (void)answered;
    arena_reset(&of_call);
}
