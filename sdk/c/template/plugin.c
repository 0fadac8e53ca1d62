/* Passes on orders above a threshold. */
#include "wasmill.h"

/* What the [settings] table of the plugin's configuration may say. */
static struct settings {
    wm_decimal threshold; /* An order of more than this is passed on. */
} settings;

/* What is read of an order; other fields are passed over. */
typedef struct {
    wm_decimal amount;
} order;

static wm_sink out;

/* What comes in and what goes out. The topics have the same names unless the configuration says otherwise. */
static bool configure(wm_setup *setup) {
    static const wm_field fields[] = {WM_FIELD(struct settings, threshold)};
    settings.threshold = wm_decimal_of(100);
    wm_add_input(setup, "orders");
    out = wm_add_sink(setup, "{{name}}");
    return wm_settings(setup, fields, WM_COUNT(fields), &settings);
}

/* Called for each event: this is the place to write in. */
static wm_outcome process(const wm_event *event, wm_context *ctx) {
    static const wm_field fields[] = {WM_FIELD(order, amount)};
    order it;
    /* What is no order is rejected with the code `bad-json`, and goes to the dead-letter topic. */
    WM_TRY(wm_read(ctx, event->value, fields, WM_COUNT(fields), &it));
    if (wm_decimal_compare(it.amount, settings.threshold) > 0) {
        wm_forward(ctx, out);
    }
    return WM_OK;
}

WM_PLUGIN(.name = "{{name}}", .version = "0.1.0", .description = "Passes on orders above a threshold.",
          .configure = configure, .process = process);
