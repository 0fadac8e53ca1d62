/* Write Wasmill plugins in C: declare inputs, sinks and stores once, in `configure`, and answer each event in `process`.
 * Compile your files with `wasmill.c` beside this one; `README.md` has the rest.
 *
 * Everything that a call hands out (events, values of stores, what was read from JSON, `wm_alloc`) is valid until the
 * event at hand is done, unless it says otherwise: what must last belongs in a store. There is nothing to free.
 */
#ifndef WASMILL_H
#define WASMILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#define WM_NORETURN [[noreturn]]
#else
#define WM_NORETURN _Noreturn
#endif

/* ---- Bytes and texts ------------------------------------------------------------------------------------------- */

/* Bytes; no zero ends them. `data` is NULL where there are none: a null key, a tombstone, an entry that is not there. */
typedef struct {
    const char *data;
    size_t size;
} wm_bytes;

/* The same, in UTF-8. */
typedef wm_bytes wm_text;

/* The bytes of a literal, or of a C string: wm_lit("orders"), wm_str(name). */
#define wm_lit(literal) ((wm_text){"" literal, sizeof(literal) - 1})
wm_text wm_str(const char *text);

bool wm_equal(wm_bytes one, wm_bytes other);

/* For printf's %.*s: printf("%.*s", WM_ARG(text)). */
#define WM_ARG(text) (int)(text).size, (text).data

/* How many elements an array has. */
#define WM_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- What becomes of an event ---------------------------------------------------------------------------------- */

/* What `process` answers. An event that is not WM_OK has no effects: no output, no state write, no timer. */
typedef enum {
    WM_OK = 0,
    WM_REJECT, /* It can never be processed: the plugin's failure policy applies, by default the dead-letter topic. */
    WM_RETRY,  /* It may work later: the host waits and offers the same event again. */
    WM_STOP    /* The plugin cannot go on, whatever the event: the host stops it, and dead-letters nothing. */
} wm_outcome;

/* Returns the outcome of a call that went wrong; what it was is already noted: WM_TRY(wm_put(ctx, counts, key, value)). */
#define WM_TRY(call)                           \
    do {                                       \
        const wm_outcome wm_outcome_ = (call); \
        if (wm_outcome_ != WM_OK) {            \
            return wm_outcome_;                \
        }                                      \
    } while (0)

typedef struct wm_context wm_context;

/* Notes why, and answers the outcome to be returned: return wm_reject(ctx, "no-rate", "no rate for %s", currency);
 * `code` is short and stable, for metrics. */
wm_outcome wm_reject(wm_context *ctx, const char *code, const char *format, ...) __attribute__((format(printf, 3, 4)));
wm_outcome wm_retry(wm_context *ctx, const char *code, const char *format, ...) __attribute__((format(printf, 3, 4)));
wm_outcome wm_stop(wm_context *ctx, const char *code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* ---- The plugin ------------------------------------------------------------------------------------------------ */

/* Handles, from declaring them in `configure`. */
typedef struct {
    uint32_t index;
} wm_input;
typedef struct {
    uint32_t index;
} wm_sink;
typedef struct {
    uint32_t index;
} wm_store;

/* A header of Kafka: a name may repeat, and `value.data` is NULL for null. */
typedef struct {
    wm_bytes name;
    wm_bytes value;
} wm_header;

/* Headers in the columns that they came in: see wm_next_header. */
typedef struct {
    const uint32_t *name_sizes;
    const int32_t *value_sizes;
    const char *data;
    size_t count;
} wm_headers;

/* One event. */
typedef struct {
    wm_input input;    /* The input that it came in by. */
    wm_text topic;     /* The topic that it came from, */
    uint32_t partition;
    uint64_t offset;
    int64_t timestamp; /* Milliseconds since the Unix epoch, as the broker has it. */
    wm_bytes key;
    wm_bytes value;
    wm_headers headers;
} wm_event;

/* Takes the next header off: wm_headers rest = event->headers; wm_header h; while (wm_next_header(&rest, &h)) … */
bool wm_next_header(wm_headers *rest, wm_header *header);
/* The last header of this name, as Kafka's own clients have it; false if there is none. */
bool wm_find_header(const wm_event *event, const char *name, wm_bytes *value);

typedef enum { WM_EVENT_TIME = 0, WM_WALL_CLOCK = 1 } wm_clock;

/* A timer that is due: the key and the time (milliseconds since the Unix epoch) that it was set for. */
typedef struct {
    wm_bytes key;
    int64_t at;
    wm_clock clock;
} wm_timer;

typedef struct wm_setup wm_setup;

/* What a plugin is: see WM_PLUGIN. */
typedef struct {
    const char *name;
    const char *version;
    const char *description;
    /* A JSON Schema of the settings, for tools; NULL if there is none. */
    const char *settings_schema;
    /* Reads the settings and declares inputs, sinks and stores, the same each time for the same settings. False after
     * wm_settings or wm_refuse said why not. */
    bool (*configure)(wm_setup *setup);
    wm_outcome (*process)(const wm_event *event, wm_context *ctx);
    /* NULL if there are no timers. A timer is gone when it fires, unless it is set anew. */
    wm_outcome (*on_timer)(const wm_timer *timer, wm_context *ctx);
} wm_plugin;

/* Once in a plugin, at the end of its file: WM_PLUGIN(.name = "fraud", .version = "0.1.0", …, .process = process); */
#define WM_PLUGIN(...) const wm_plugin wasmill_plugin = {__VA_ARGS__}
extern const wm_plugin wasmill_plugin;

/* Declares an input that reads the topic of its name, or another one. */
wm_input wm_add_input(wm_setup *setup, const char *name);
wm_input wm_add_input_from(wm_setup *setup, const char *name, const char *topic);
/* Declares a sink that writes to the topic of its name, or to another one. The configuration may give other topics. */
wm_sink wm_add_sink(wm_setup *setup, const char *name);
wm_sink wm_add_sink_to(wm_setup *setup, const char *name, const char *topic);
/* Of the outputs to this sink with the same key, only the last one before each commit goes out: for aggregates. */
void wm_last_of_commit(wm_setup *setup, wm_sink sink);

typedef struct {
    uint64_t ttl_ms;       /* Entries not written for this long, in stream time, are gone; 0: never. */
    uint32_t version;      /* Of the encoding of its values; raise it with a form that older modules can't read. */
    bool keyed_by_event;   /* Entries are written under the key of the event at hand: they are fetched many at a time. */
} wm_store_options;

/* Declares a store. Values that are JSON can be shown by queries. */
wm_store wm_add_store(wm_setup *setup, const char *name, wm_store_options options);

/* Says why the settings are not good, and answers false. */
bool wm_refuse(wm_setup *setup, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- JSON in --------------------------------------------------------------------------------------------------- */

/* An exact decimal number of up to 38 digits: digits × 10^-scale. */
typedef struct {
    __int128 digits;
    int32_t scale;
} wm_decimal;

/* The text of a JSON value that has been checked: of one that is read later, or passed on. */
typedef struct {
    wm_text text;
} wm_json;

/* Several texts. */
typedef struct {
    const wm_text *items;
    size_t count;
} wm_texts;

typedef enum { WM_AS_TEXT, WM_AS_INT64, WM_AS_UINT64, WM_AS_DOUBLE, WM_AS_BOOL, WM_AS_DECIMAL, WM_AS_JSON, WM_AS_TEXTS } wm_kind;

/* Where a member of a JSON object goes in a struct. */
typedef struct {
    const char *name;
    size_t offset;
    wm_kind kind;
    bool optional;
} wm_field;

/* The member of a struct that is read from the JSON member of the same name, or of another one. Its type says how: wm_text,
 * int64_t, uint64_t, double, bool, wm_decimal (a number, or a text that holds one), wm_json (any value), wm_texts.
 * A member that is missing, null or there twice is a failure; WM_OPTIONAL leaves what is in the struct if it is missing or
 * null. */
#define WM_FIELD(type, member) WM_FIELD_AS(type, member, #member)
#define WM_FIELD_AS(type, member, name) {name, offsetof(type, member), WM_KIND_OF(type, member), false}
#define WM_OPTIONAL(type, member) WM_OPTIONAL_AS(type, member, #member)
#define WM_OPTIONAL_AS(type, member, name) {name, offsetof(type, member), WM_KIND_OF(type, member), true}

/* Reads an object into a struct, at most 64 members of it; others are passed over. Rejects with `bad-json` what is not
 * JSON or does not fit, and with `no-value` a tombstone. */
wm_outcome wm_read(wm_context *ctx, wm_bytes json, const wm_field *fields, size_t count, void *into);

/* Reads one value of a kind. */
wm_outcome wm_read_value(wm_context *ctx, wm_bytes json, wm_kind kind, void *into);

/* Walks the items of an array that wm_read gave: wm_json rest = order.items, item; while (wm_next_item(&rest, &item)) …
 * What is no array has no items. */
bool wm_next_item(wm_json *rest, wm_json *item);

/* Reads the settings, of which none is unknown; texts in them last. False, with the reason noted, if they do not fit. */
bool wm_settings(wm_setup *setup, const wm_field *fields, size_t count, void *into);

/* Below, equal to or above zero as `one` is less than, equal to or greater than `other`: exact, digit by digit. */
int wm_decimal_compare(wm_decimal one, wm_decimal other);
/* False if the sum or the product has more than 38 digits. */
bool wm_decimal_add(wm_decimal one, wm_decimal other, wm_decimal *sum);
bool wm_decimal_multiply(wm_decimal one, wm_decimal other, wm_decimal *product);
#define wm_decimal_of(whole) ((wm_decimal){(whole), 0})
/* False if it is no decimal number of at most 38 digits. */
bool wm_decimal_parse(wm_text text, wm_decimal *number);

/* ---- JSON out -------------------------------------------------------------------------------------------------- */

/* A JSON text in the making: wm_writer w = wm_write(ctx); wm_put_object(&w); wm_put_key(&w, "count"); wm_put_uint(&w, n);
 * wm_put_end(&w); … wm_written(&w). Commas come by themselves; at most 64 levels. */
typedef struct {
    wm_context *ctx;
    char *data;
    size_t size, room;
    uint64_t arrays;
    unsigned depth;
    bool comma;
} wm_writer;

wm_writer wm_write(wm_context *ctx);
void wm_put_object(wm_writer *writer);
void wm_put_array(wm_writer *writer);
void wm_put_end(wm_writer *writer);
void wm_put_key(wm_writer *writer, const char *key);
void wm_put_text(wm_writer *writer, wm_text text);
void wm_put_int(wm_writer *writer, int64_t number);
void wm_put_uint(wm_writer *writer, uint64_t number);
void wm_put_double(wm_writer *writer, double number);
void wm_put_decimal(wm_writer *writer, wm_decimal number);
void wm_put_bool(wm_writer *writer, bool value);
void wm_put_null(wm_writer *writer);
void wm_put_json(wm_writer *writer, wm_json json);
wm_bytes wm_written(const wm_writer *writer);

/* ---- What an event does ---------------------------------------------------------------------------------------- */

/* For a key or a value: null, whatever the event's own is. */
extern const wm_bytes WM_NULL;

/* An output. What is left out is the event's: key, value, timestamp; the partition is found by the key; of the event's
 * headers only its trace (traceparent, tracestate) is passed on. */
typedef struct {
    wm_bytes key;
    wm_bytes value;
    const int64_t *timestamp;
    const uint32_t *partition;
    const wm_header *headers;
    size_t header_count;
    bool keep_headers; /* All of the event's headers, before those given here. */
} wm_output;

/* Passes the event on as it is; nothing is copied. */
void wm_forward(wm_context *ctx, wm_sink sink);
/* Sends an output: wm_emit(ctx, alerts, (wm_output){.key = country, .value = wm_written(&w)}); the bytes are copied. */
void wm_emit(wm_context *ctx, wm_sink sink, wm_output output);

/* What is under a key; `value->data` is NULL if there is nothing, or it is older than the store's TTL. It is valid until the
 * entry is written again. A key of more than 64 KiB is rejected. */
wm_outcome wm_get(wm_context *ctx, wm_store store, wm_bytes key, wm_bytes *value);
/* Writes a value of at most 980 992 bytes under a key. */
wm_outcome wm_put(wm_context *ctx, wm_store store, wm_bytes key, wm_bytes value);
wm_outcome wm_delete(wm_context *ctx, wm_store store, wm_bytes key);

/* Which entries, in the byte order of their keys: start <= key < end, where what is left out is no bound. */
typedef struct {
    wm_bytes start;
    wm_bytes end;
    bool reverse; /* From the last to the first. */
} wm_range;

/* Those whose keys begin with `prefix`. */
wm_range wm_prefix(wm_context *ctx, wm_bytes prefix);

typedef struct wm_scan wm_scan;

/* The entries of a store as they are now: wm_scan *scan = wm_scan_begin(ctx, store, range); while (wm_scan_next(scan, &key,
 * &value)) … They come a few hundred at a time; what is written while they are walked does not show. */
wm_scan *wm_scan_begin(wm_context *ctx, wm_store store, wm_range range);
bool wm_scan_next(wm_scan *scan, wm_bytes *key, wm_bytes *value);

/* Has `on_timer` called with this key when the clock says `at` (milliseconds since the Unix epoch): the stream time of
 * the task, or the wall clock. One timer a key and clock; a plugin that sets timers declares a store. */
void wm_set_timer(wm_context *ctx, wm_bytes key, int64_t at, wm_clock clock);
void wm_cancel_timer(wm_context *ctx, wm_bytes key, wm_clock clock);

/* Where and when the call runs. Times are milliseconds since the Unix epoch. */
uint32_t wm_partition(const wm_context *ctx);
int64_t wm_now(const wm_context *ctx);         /* The wall clock; the same for all of one call. */
int64_t wm_stream_time(const wm_context *ctx); /* The greatest event timestamp of the task, this event's included. */
int64_t wm_timestamp(const wm_context *ctx);   /* Of the event or timer at hand. */

/* Memory until the event is done, aligned for anything; never NULL. */
void *wm_alloc(wm_context *ctx, size_t size);
/* A text as printf makes it, until the event is done. */
wm_text wm_print(wm_context *ctx, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- The log --------------------------------------------------------------------------------------------------- */

typedef enum { WM_TRACE = 0, WM_DEBUG, WM_INFO, WM_WARN, WM_ERROR } wm_level;

/* Whether the host keeps lines of this level. Asked once a call. */
bool wm_log_enabled(wm_level level);
/* Writes a line. Nothing is formatted if the host does not keep it. */
void wm_log(wm_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
typedef struct {
    wm_text name;
    wm_text value;
} wm_log_field;
/* Writes a line with fields. */
void wm_log_with(wm_level level, const char *message, const wm_log_field *fields, size_t count);

/* Logs the text as an error and ends the instance: the host dead-letters the event at hand and goes on with a new one. */
WM_NORETURN void wm_panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- How WM_FIELD knows a member's kind ------------------------------------------------------------------------- */

#ifdef __cplusplus
}
template <class T> constexpr wm_kind wm_kind_of() = delete;
template <> constexpr wm_kind wm_kind_of<wm_text>() { return WM_AS_TEXT; }
template <> constexpr wm_kind wm_kind_of<int64_t>() { return WM_AS_INT64; }
template <> constexpr wm_kind wm_kind_of<uint64_t>() { return WM_AS_UINT64; }
template <> constexpr wm_kind wm_kind_of<double>() { return WM_AS_DOUBLE; }
template <> constexpr wm_kind wm_kind_of<bool>() { return WM_AS_BOOL; }
template <> constexpr wm_kind wm_kind_of<wm_decimal>() { return WM_AS_DECIMAL; }
template <> constexpr wm_kind wm_kind_of<wm_json>() { return WM_AS_JSON; }
template <> constexpr wm_kind wm_kind_of<wm_texts>() { return WM_AS_TEXTS; }
#define WM_KIND_OF(type, member) wm_kind_of<decltype(type::member)>()
#else
#define WM_KIND_OF(type, member)   \
    _Generic(((type *)0)->member,  \
        wm_text: WM_AS_TEXT,       \
        int64_t: WM_AS_INT64,      \
        uint64_t: WM_AS_UINT64,    \
        double: WM_AS_DOUBLE,      \
        bool: WM_AS_BOOL,          \
        wm_decimal: WM_AS_DECIMAL, \
        wm_json: WM_AS_JSON,       \
        wm_texts: WM_AS_TEXTS)
#endif

#endif
