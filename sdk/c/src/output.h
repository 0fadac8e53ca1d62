/* Outputs and timers, as columns of the answer. */

const wm_bytes WM_NULL = {"", SIZE_MAX};

/* Fills an optional column up for the outputs before this one. */
static void pad_u32(column *of, uint32_t value) {
    while (of->size < answer.sources.size) {
        push_u32(of, value);
    }
}

static void push_timestamp(wm_context *ctx, const int64_t *timestamp) {
    for (size_t output = answer.timestamps.size / 8; output < answer.sources.size / 4; output++) {
        uint32_t source;
        memcpy(&source, answer.sources.data + 4 * output, 4);
        push_i64(&answer.timestamps, ctx->timestamps[source]);
    }
    push_i64(&answer.timestamps, timestamp == NULL ? wm_timestamp(ctx) : *timestamp);
}

static void push_output(wm_context *ctx, wm_sink sink, int32_t key, int32_t value, int32_t headers, const wm_output *output) {
    const uint32_t *partition = output == NULL ? NULL : output->partition;
    const int64_t *timestamp = output == NULL ? NULL : output->timestamp;
    if (partition != NULL || answer.partitions.size > 0) {
        pad_u32(&answer.partitions, (uint32_t)LENGTH_NULL);
        push_u32(&answer.partitions, partition == NULL ? (uint32_t)LENGTH_NULL : *partition > INT32_MAX ? INT32_MAX : *partition);
    }
    if (timestamp != NULL || answer.timestamps.size > 0) {
        push_timestamp(ctx, timestamp);
    }
    if (headers != 0 || answer.header_counts.size > 0) {
        pad_u32(&answer.header_counts, 0);
        push_u32(&answer.header_counts, (uint32_t)headers);
    }
    push_u32(&answer.sources, ctx->source);
    push_u32(&answer.sinks, sink.index);
    push_u32(&answer.key_lengths, (uint32_t)key);
    push_u32(&answer.value_lengths, (uint32_t)value);
}

void wm_forward(wm_context *ctx, wm_sink sink) {
    push_output(ctx, sink, LENGTH_SAME, LENGTH_SAME, ctx->any_headers ? LENGTH_SAME : 0, NULL);
}

/* Adds a key or a value to the data, and answers its length in the column. */
static int32_t push_field(wm_bytes field) {
    if (field.data == NULL) {
        return LENGTH_SAME;
    }
    if (field.data == WM_NULL.data && field.size == WM_NULL.size) {
        return LENGTH_NULL;
    }
    if (unlikely(field.size > INT32_MAX)) {
        wm_panic("a key or a value of an output has %zu bytes", field.size);
    }
    push_bytes(&answer.data, field.data, field.size);
    return (int32_t)field.size;
}

static bool is_trace(wm_bytes name) { return wm_equal(name, wm_lit("traceparent")) || wm_equal(name, wm_lit("tracestate")); }

static void push_header(wm_header header) {
    const bool null = header.value.data == NULL || header.value.size == WM_NULL.size;
    push_u32(&answer.header_names, (uint32_t)header.name.size);
    push_u32(&answer.header_values, null ? (uint32_t)LENGTH_NULL : (uint32_t)header.value.size);
    push_bytes(&answer.header_data, header.name.data, header.name.size);
    push_bytes(&answer.header_data, header.value.data, null ? 0 : header.value.size);
}

/* Adds the headers of an output, and answers how many they are, or that they are the event's. */
static int32_t push_headers(wm_context *ctx, const wm_output *output) {
    if (output->keep_headers && output->header_count == 0 && ctx->headers.count > 0) {
        return LENGTH_SAME;
    }
    const size_t before = answer.header_names.size / 4;
    wm_headers rest = ctx->headers;
    wm_header header;
    while (output->keep_headers && wm_next_header(&rest, &header)) {
        push_header(header);
    }
    bool own_trace = output->keep_headers;
    for (size_t index = 0; index < output->header_count; index++) {
        own_trace |= is_trace(output->headers[index].name);
        push_header(output->headers[index]);
    }
    /* An author who names one of the two starts a trace of his own: the other would not belong to it. */
    while (!own_trace && wm_next_header(&rest, &header)) {
        if (is_trace(header.name)) {
            push_header(header);
        }
    }
    return (int32_t)(answer.header_names.size / 4 - before);
}

void wm_emit(wm_context *ctx, wm_sink sink, wm_output output) {
    const int32_t key = push_field(output.key);
    const int32_t value = push_field(output.value);
    push_output(ctx, sink, key, value, push_headers(ctx, &output), &output);
}

static void push_timer(wm_context *ctx, wm_bytes key, int64_t at, wm_clock clock) {
    push_u32(&answer.timer_sources, ctx->source);
    push_u8(&answer.timer_clocks, (uint8_t)clock);
    push_i64(&answer.timer_at, at);
    push_u32(&answer.timer_keys, (uint32_t)key.size);
    push_bytes(&answer.timer_data, key.data, key.size);
}

/* A time before 1970 counts as 1970; -1 would cancel. */
void wm_set_timer(wm_context *ctx, wm_bytes key, int64_t at, wm_clock clock) { push_timer(ctx, key, at < 0 ? 0 : at, clock); }

void wm_cancel_timer(wm_context *ctx, wm_bytes key, wm_clock clock) { push_timer(ctx, key, -1, clock); }
