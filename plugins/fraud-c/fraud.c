/* Passes on orders that are both large and from a country that is not trusted: the rule of `plugins/fraud`, in C. */
#include "wasmill.h"

typedef struct {
    wm_decimal threshold;
    wm_texts trusted_countries;
} settings_of_fraud;

/* What the rule needs of an order; the rest is passed over. */
typedef struct {
    wm_decimal amount;
    wm_text country;
} order;

static settings_of_fraud settings;
static wm_sink alerts;

static bool configure(wm_setup *setup) {
    static const wm_text trusted[] = {{"US", 2}, {"CA", 2}};
    static const wm_field fields[] = {
        WM_FIELD(settings_of_fraud, threshold),
        WM_FIELD_AS(settings_of_fraud, trusted_countries, "trusted-countries"),
    };
    settings = (settings_of_fraud){.threshold = wm_decimal_of(300), .trusted_countries = {trusted, WM_COUNT(trusted)}};
    wm_add_input(setup, "orders");
    alerts = wm_add_sink(setup, "fraud-alerts");
    return wm_settings(setup, fields, WM_COUNT(fields), &settings);
}

static bool is_trusted(wm_text country) {
    for (size_t index = 0; index < settings.trusted_countries.count; index++) {
        if (wm_equal(country, settings.trusted_countries.items[index])) {
            return true;
        }
    }
    return false;
}

static wm_outcome process(const wm_event *event, wm_context *ctx) {
    static const wm_field fields[] = {WM_FIELD(order, amount), WM_FIELD(order, country)};
    /* A tombstone says that an order is gone: there is nothing to suspect. */
    if (event->value.data == NULL) {
        return WM_OK;
    }
    order it;
    WM_TRY(wm_read(ctx, event->value, fields, WM_COUNT(fields), &it));
    if (wm_decimal_compare(it.amount, settings.threshold) > 0 && !is_trusted(it.country)) {
        wm_forward(ctx, alerts);
    }
    return WM_OK;
}

WM_PLUGIN(.name = "fraud-c", .version = "0.1.0",
          .description = "Passes orders on that are both large and from a country that is not trusted, for a person to look at.",
          .settings_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
                             "\"threshold\":{\"type\":[\"number\",\"string\"],\"default\":300},"
                             "\"trusted-countries\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"default\":[\"US\",\"CA\"]}}}",
          .configure = configure, .process = process);
