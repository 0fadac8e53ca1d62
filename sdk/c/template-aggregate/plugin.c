/* Totals of orders by customer. */
#include "wasmill.h"

/* What is remembered of a customer, and sent out each time it changes. */
typedef struct {
    uint64_t orders;
    wm_decimal largest;
} total;

/* What is read of an order; other fields are passed over. */
typedef struct {
    wm_text customer_id;
    wm_decimal amount;
} order;

static wm_store totals;
static wm_sink out;

/* What comes in, what goes out, and what is remembered. The topics have the same names unless the configuration says
 * otherwise. */
static bool configure(wm_setup *setup) {
    wm_add_input(setup, "orders");
    totals = wm_add_store(setup, "totals", (wm_store_options){0});
    out = wm_add_sink(setup, "{{name}}");
    return wm_settings(setup, NULL, 0, NULL);
}

static wm_bytes to_json(wm_context *ctx, const total *of) {
    wm_writer json = wm_write(ctx);
    wm_put_object(&json);
    wm_put_key(&json, "orders");
    wm_put_uint(&json, of->orders);
    wm_put_key(&json, "largest");
    wm_put_decimal(&json, of->largest);
    wm_put_end(&json);
    return wm_written(&json);
}

/* Called for each event: this is the place to write in. What it puts into a store is kept together with the outputs, or, if
 * the event fails, not at all. A store belongs to a partition: orders of one customer must be in the same one. */
static wm_outcome process(const wm_event *event, wm_context *ctx) {
    static const wm_field order_fields[] = {WM_FIELD(order, customer_id), WM_FIELD(order, amount)};
    static const wm_field total_fields[] = {WM_FIELD(total, orders), WM_FIELD(total, largest)};
    order it;
    /* What is no order is rejected with the code `bad-json`, and goes to the dead-letter topic. */
    WM_TRY(wm_read(ctx, event->value, order_fields, WM_COUNT(order_fields), &it));

    total of_customer = {.orders = 0, .largest = wm_decimal_of(0)};
    wm_bytes known;
    WM_TRY(wm_get(ctx, totals, it.customer_id, &known));
    if (known.data != NULL) {
        WM_TRY(wm_read(ctx, known, total_fields, WM_COUNT(total_fields), &of_customer));
    }
    of_customer.orders++;
    if (wm_decimal_compare(it.amount, of_customer.largest) > 0) {
        of_customer.largest = it.amount;
    }

    const wm_bytes value = to_json(ctx, &of_customer);
    WM_TRY(wm_put(ctx, totals, it.customer_id, value));
    wm_emit(ctx, out, (wm_output){.key = it.customer_id, .value = value});
    return WM_OK;
}

WM_PLUGIN(.name = "{{name}}", .version = "0.1.0", .description = "Totals of orders by customer.",
          .configure = configure, .process = process);
