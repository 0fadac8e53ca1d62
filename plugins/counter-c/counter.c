/* Counts the events of each key, in a store. */
#include "wasmill.h"


static wm_store counts;
static wm_sink out;

static bool configure(wm_setup *setup) {
    wm_add_input(setup, "events");
    counts = wm_add_store(setup, "counts", (wm_store_options){.keyed_by_event = true});
    out = wm_add_sink(setup, "counts");
    return wm_settings(setup, NULL, 0, NULL);
}

static wm_outcome process(const wm_event *event, wm_context *ctx) {
    if (event->key.data == NULL) {
        return wm_reject(ctx, "no-key", "the event has no key to count it by");
    }
    wm_bytes before;
    uint64_t count = 0;
    WM_TRY(wm_get(ctx, counts, event->key, &before));
    if (before.data != NULL) {
        WM_TRY(wm_read_value(ctx, before, WM_AS_UINT64, &count));
    }
    wm_writer number = wm_write(ctx);
    wm_put_uint(&number, count + 1);
    WM_TRY(wm_put(ctx, counts, event->key, wm_written(&number)));
    wm_emit(ctx, out, (wm_output){.value = wm_written(&number)});
    return WM_OK;
}

WM_PLUGIN(.name = "counter-c", .version = "0.1.0", .description = "Counts the events of each key.",
          .configure = configure, .process = process);
