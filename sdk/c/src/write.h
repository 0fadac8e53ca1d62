/* JSON out. */

wm_writer wm_write(wm_context *ctx) {
    const size_t room = 256;
    return (wm_writer){.ctx = ctx, .data = arena_take(&of_event, room), .room = room};
}

static void put_bytes(wm_writer *writer, const char *data, size_t size) {
    if (writer->room - writer->size < size) {
        const size_t room = 2 * writer->room + size;
        char *more = arena_take(&of_event, room);
        memcpy(more, writer->data, writer->size);
        writer->data = more;
        writer->room = room;
    }
    memcpy(writer->data + writer->size, data, size);
    writer->size += size;
}

/* A value begins: behind another one there is a comma. */
static void put_value(wm_writer *writer, const char *data, size_t size) {
    if (writer->comma) {
        put_bytes(writer, ",", 1);
    }
    writer->comma = true;
    put_bytes(writer, data, size);
}

static void open_level(wm_writer *writer, bool array) {
    if (writer->depth == 64) {
        wm_panic("JSON of more than 64 levels is written");
    }
    put_value(writer, array ? "[" : "{", 1);
    writer->arrays = writer->arrays << 1 | array;
    writer->depth++;
    writer->comma = false;
}

void wm_put_object(wm_writer *writer) { open_level(writer, false); }

void wm_put_array(wm_writer *writer) { open_level(writer, true); }

void wm_put_end(wm_writer *writer) {
    if (writer->depth == 0) {
        wm_panic("wm_put_end closes what no wm_put_object or wm_put_array has opened");
    }
    put_bytes(writer, writer->arrays & 1 ? "]" : "}", 1);
    writer->arrays >>= 1;
    writer->depth--;
    writer->comma = true;
}

void wm_put_text(wm_writer *writer, wm_text text) {
    static const char hex[] = "0123456789abcdef";
    put_value(writer, "\"", 1);
    const char *at = text.data, *end = text.data + text.size;
    while (at < end) {
        const char *plain = at;
        while (at < end && (uint8_t)*at >= ' ' && *at != '"' && *at != '\\') {
            at++;
        }
        put_bytes(writer, plain, (size_t)(at - plain));
        if (at < end) {
            const char byte = *at++;
            const char *name = byte == 0 ? NULL : strchr("\"\"\\\\\bb\ff\nn\rr\tt", byte);
            char escape[6] = {'\\', 'u', '0', '0', hex[byte >> 4 & 15], hex[byte & 15]};
            if (name != NULL) {
                escape[1] = name[1];
            }
            put_bytes(writer, escape, name == NULL ? 6 : 2);
        }
    }
    put_bytes(writer, "\"", 1);
}

void wm_put_key(wm_writer *writer, const char *key) {
    wm_put_text(writer, wm_str(key));
    put_bytes(writer, ":", 1);
    writer->comma = false;
}

static void put_number(wm_writer *writer, bool negative, uint64_t size) {
    char room[24], *end = room + sizeof room, *at = end;
    do {
        *--at = (char)('0' + size % 10);
        size /= 10;
    } while (size > 0);
    if (negative) {
        *--at = '-';
    }
    put_value(writer, at, (size_t)(end - at));
}

void wm_put_int(wm_writer *writer, int64_t number) {
    put_number(writer, number < 0, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
}

void wm_put_uint(wm_writer *writer, uint64_t number) { put_number(writer, false, number); }

/* The shortest digits that are read as the same number; what is none is null. */
void wm_put_double(wm_writer *writer, double number) {
    char room[40];
    if (number - number != 0) {
        wm_put_null(writer);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        const int size = snprintf(room, sizeof room, "%.*g", digits, number);
        if (digits == 17 || strtod(room, NULL) == number) {
            put_value(writer, room, (size_t)size);
            return;
        }
    }
}

void wm_put_decimal(wm_writer *writer, wm_decimal number) {
    char room[100];
    const wm_text text = decimal_text(number, room);
    put_value(writer, text.data, text.size);
}

void wm_put_bool(wm_writer *writer, bool value) { put_value(writer, value ? "true" : "false", value ? 4 : 5); }

void wm_put_null(wm_writer *writer) { put_value(writer, "null", 4); }

void wm_put_json(wm_writer *writer, wm_json json) { put_value(writer, json.text.data, json.text.size); }

wm_bytes wm_written(const wm_writer *writer) { return (wm_bytes){writer->data, writer->size}; }
