/* What the plugin declares when it is configured. What is noted here lasts as long as the instance: it is never freed. */

/* The layouts are the canonical ABI's. */
typedef struct {
    wm_text name;
    wm_text topic;
} port;
typedef struct {
    wm_text name;
    wm_text topic;
    uint8_t last_of_commit;
} sink;
typedef struct {
    wm_text name;
    uint8_t has_ttl;
    uint64_t ttl_ms;
    uint32_t version;
    uint8_t keyed_by_event;
} wiring_store;
_Static_assert(sizeof(port) == 16 && sizeof(sink) == 20 && sizeof(wiring_store) == 32, "a wiring as the contract has it");

struct wm_setup {
    wm_text settings;
    column inputs;
    column sinks;
    const char *refusal; /* NULL: there is none. */
};

static const char *lasting_text(const char *format, va_list arguments) {
    const wm_text text = arena_print(&of_call, format, arguments);
    make_utf8((char *)text.data, text.size);
    return text.data;
}

bool wm_refuse(wm_setup *setup, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    setup->refusal = lasting_text(format, arguments);
    va_end(arguments);
    return false;
}

static wm_text lasting_copy(const char *text) {
    const size_t size = strlen(text);
    char *copy = arena_copy(&of_call, text, size + 1);
    make_utf8(copy, size);
    return (wm_text){copy, size};
}

wm_input wm_add_input_from(wm_setup *setup, const char *name, const char *topic) {
    const port new = {lasting_copy(name), lasting_copy(topic)};
    push_bytes(&setup->inputs, &new, sizeof new);
    return (wm_input){(uint32_t)(setup->inputs.size / sizeof new - 1)};
}

wm_input wm_add_input(wm_setup *setup, const char *name) { return wm_add_input_from(setup, name, name); }

wm_sink wm_add_sink_to(wm_setup *setup, const char *name, const char *topic) {
    const sink new = {lasting_copy(name), lasting_copy(topic), 0};
    push_bytes(&setup->sinks, &new, sizeof new);
    return (wm_sink){(uint32_t)(setup->sinks.size / sizeof new - 1)};
}

wm_sink wm_add_sink(wm_setup *setup, const char *name) { return wm_add_sink_to(setup, name, name); }

void wm_last_of_commit(wm_setup *setup, wm_sink of) { ((sink *)setup->sinks.data)[of.index].last_of_commit = 1; }

wm_store wm_add_store(wm_setup *setup, const char *name, wm_store_options options) {
    (void)setup;
    const size_t bytes = (stores.count + 1) * sizeof(declared_store);
    stores.items = must_have(realloc(stores.items, bytes), bytes);
    stores.items[stores.count] = (declared_store){lasting_copy(name).data, options};
    return (wm_store){(uint32_t)stores.count++};
}

/* Two of one name could not be told apart. */
static bool check_names(wm_setup *setup, const char *what, const wm_text *names, size_t count, size_t stride) {
    for (size_t one = 0; one < count; one++) {
        const wm_text name = *(const wm_text *)((const char *)names + one * stride);
        for (size_t other = 0; other < one; other++) {
            if (wm_equal(name, *(const wm_text *)((const char *)names + other * stride))) {
                return wm_refuse(setup, "the %s `%.*s` is declared twice", what, WM_ARG(name));
            }
        }
    }
    return true;
}

bool wm_settings(wm_setup *setup, const wm_field *fields, size_t count, void *into) {
    reader in = {.start = setup->settings.data, .at = setup->settings.data, .end = setup->settings.data + setup->settings.size};
    /* Every setting has a default: what the struct has in it. */
    wm_field *optional = arena_take(&of_event, (count + 1) * sizeof(wm_field));
    for (size_t index = 0; index < count; index++) {
        optional[index] = fields[index];
        optional[index].optional = true;
    }
    const wanted of = {optional, count, true};
    if (read_object(&in, &of, into)) {
        return true;
    }
    const wm_text what = wm_print(NULL, in.problem, WM_ARG(in.said));
    return wm_refuse(setup, "settings: %.*s", WM_ARG(what));
}
