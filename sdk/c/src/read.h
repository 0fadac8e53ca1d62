/* JSON into structs. */

enum { MOST_FIELDS = 64 };

/* Notes a mistake with what printf makes of it. */
__attribute__((cold, noinline, format(printf, 2, 3))) static bool mistake_of(reader *in, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    in->said = arena_print(&of_event, format, arguments);
    va_end(arguments);
    return mistake(in, "%.*s");
}

/* What stands at `at`, for a message. */
static const char *kind_of_value(const reader *in) {
    switch (in->at < in->end ? *in->at : 0) {
    case '"': return "a string";
    case '{': return "a map";
    case '[': return "a sequence";
    case 't': case 'f': return "a boolean";
    case 'n': return "null";
    default: return "a number";
    }
}

__attribute__((cold, noinline)) static bool wrong_kind(reader *in, const char *wanted) {
    const char *found = kind_of_value(in);
    return skip_value(in, 0) && mistake_of(in, "invalid type: %s, expected %s", found, wanted);
}

static bool read_bool(reader *in, bool *into) {
    const char byte = *in->at;
    if (byte != 't' && byte != 'f') {
        return wrong_kind(in, "a boolean");
    }
    *into = byte == 't';
    return skip_word(in, *into ? "true" : "false");
}

/* Any value, of which it gives the text. */
static bool read_json(reader *in, wm_text *text) {
    const char *start = in->at;
    if (!skip_value(in, 0)) {
        return false;
    }
    *text = (wm_text){start, (size_t)(in->at - start)};
    return is_utf8(*text) || mistake(in, "invalid unicode code point");
}

static bool read_number(reader *in, const char *wanted, wm_text *text) {
    if (*in->at != '-' && !is_digit(*in->at)) {
        return wrong_kind(in, wanted);
    }
    return read_json(in, text);
}

/* An integer in 64 bits, with a sign or without: what has a fraction or an exponent is none. */
static bool read_integer(reader *in, bool is_signed, uint64_t *into) {
    wm_text text;
    if (!read_number(in, "an integer", &text)) {
        return false;
    }
    const char *at = text.data, *end = text.data + text.size;
    const bool negative = *at == '-';
    uint64_t value = 0;
    for (at += negative; at < end && is_digit(*at); at++) {
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value)) {
            break;
        }
    }
    const uint64_t most = !is_signed ? (negative ? 0 : UINT64_MAX) : (uint64_t)INT64_MAX + negative;
    if (at < end || value > most) {
        return mistake_of(in, "%.*s is not an integer of 64 bits%s", WM_ARG(text), is_signed ? "" : " without a sign");
    }
    *into = negative ? 0 - value : value;
    return true;
}

/* The C library's strtod works in 128 bits that are made of software: it takes what few digits do not say. */
static bool read_double(reader *in, double *into) {
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    wm_text text;
    wm_decimal exact;
    if (!read_number(in, "a number", &text)) {
        return false;
    }
    /* Both are exact in a double, so that what comes of them is rounded once. */
    if (text.size <= 40 && wm_decimal_parse(text, &exact) && exact.digits != 0 && exact.digits == (int64_t)exact.digits &&
        exact.digits <= (1ll << 53) && exact.digits >= -(1ll << 53) && exact.scale <= 22 && exact.scale >= -22) {
        const double digits = (double)(int64_t)exact.digits;
        *into = exact.scale < 0 ? digits * powers[-exact.scale] : digits / powers[exact.scale];
        return true;
    }
    char *copy = arena_take(&of_event, text.size + 1);
    memcpy(copy, text.data, text.size);
    copy[text.size] = 0;
    *into = strtod(copy, NULL);
    return *into - *into == 0 || mistake(in, "number out of range");
}

static bool read_decimal(reader *in, wm_decimal *into) {
    wm_text text, number;
    if (!read_json(in, &text)) {
        return false;
    }
    number = text;
    if (text.data[0] == '"') {
        number = (wm_text){text.data + 1, text.size - 2};
    }
    return wm_decimal_parse(number, into) ||
           mistake_of(in, "%.*s is not a decimal number of at most 38 digits", WM_ARG(text));
}

static bool read_plain_text(reader *in, wm_text *into) {
    if (*in->at != '"') {
        return wrong_kind(in, "a string");
    }
    in->at++;
    return read_text(in, into);
}

static bool read_texts(reader *in, wm_texts *into) {
    if (*in->at != '[') {
        return wrong_kind(in, "a sequence");
    }
    size_t room = 8;
    wm_text *items = arena_take(&of_event, room * sizeof(wm_text));
    *into = (wm_texts){items, 0};
    in->at++;
    skip_space(in);
    if (in->at < in->end && *in->at == ']') {
        in->at++;
        return true;
    }
    for (;;) {
        skip_space(in);
        if (in->at == in->end) {
            return mistake(in, "EOF while parsing a list");
        }
        if (into->count == room) {
            wm_text *more = arena_take(&of_event, 2 * room * sizeof(wm_text));
            memcpy(more, items, room * sizeof(wm_text));
            into->items = items = more;
            room *= 2;
        }
        if (!read_plain_text(in, &items[into->count])) {
            return false;
        }
        into->count++;
        skip_space(in);
        if (in->at == in->end || (*in->at != ',' && *in->at != ']')) {
            return unexpected(in, "EOF while parsing a list", "expected `,` or `]`");
        }
        if (*in->at++ == ']') {
            return true;
        }
    }
}

/* A value of this kind, with no space before it. */
static bool read_kind(reader *in, wm_kind kind, void *into) {
    skip_space(in);
    if (in->at == in->end) {
        return mistake(in, "EOF while parsing a value");
    }
    switch (kind) {
    case WM_AS_TEXT: return read_plain_text(in, into);
    case WM_AS_INT64: return read_integer(in, true, into);
    case WM_AS_UINT64: return read_integer(in, false, into);
    case WM_AS_DOUBLE: return read_double(in, into);
    case WM_AS_BOOL: return read_bool(in, into);
    case WM_AS_DECIMAL: return read_decimal(in, into);
    case WM_AS_JSON: return read_json(in, into);
    case WM_AS_TEXTS: return read_texts(in, into);
    }
    return mistake(in, "there is no such kind");
}

/* An object of which some members are wanted. */
typedef struct {
    const wm_field *fields;
    size_t count;
    bool no_others;
} wanted;

/* The field of this name; the one that is `next` is the likeliest, since objects of one kind have one order. */
static inline const wm_field *find_field(const wanted *of, wm_text name, size_t *next) {
    for (size_t tried = 0; tried < of->count; tried++) {
        const size_t index = *next;
        *next = index + 1 < of->count ? index + 1 : 0;
        const char *wanted = of->fields[index].name;
        size_t same = 0;
        while (same < name.size && wanted[same] == name.data[same] && wanted[same] != 0) {
            same++;
        }
        if (same == name.size && wanted[same] == 0) {
            return &of->fields[index];
        }
    }
    return NULL;
}

__attribute__((cold, noinline)) static bool unknown_field(reader *in, const wanted *of, wm_text name) {
    const char *all = "";
    for (size_t index = 0; index < of->count; index++) {
        const char *comma = index == 0 ? "" : index + 1 == of->count ? " or " : ", ";
        all = wm_print(NULL, "%s%s`%s`", all, comma, of->fields[index].name).data;
    }
    if (of->count == 0) {
        return mistake_of(in, "unknown field `%.*s`, there are no fields", WM_ARG(name));
    }
    return mistake_of(in, "unknown field `%.*s`, expected %s", WM_ARG(name), all);
}

static bool read_member(reader *in, const wanted *of, wm_text name, size_t *next, uint64_t *seen, char *into) {
    const wm_field *field = find_field(of, name, next);
    if (field == NULL) {
        return of->no_others ? unknown_field(in, of, name) : skip_colon(in) && skip_value(in, 1);
    }
    const uint64_t bit = 1ull << (field - of->fields);
    if (unlikely(*seen & bit)) {
        return mistake_of(in, "duplicate field `%s`", field->name);
    }
    *seen |= bit;
    if (!skip_colon(in)) {
        return false;
    }
    skip_space(in);
    if (field->optional && in->at < in->end && *in->at == 'n') {
        return skip_word(in, "null");
    }
    if (read_kind(in, field->kind, into + field->offset)) {
        return true;
    }
    if (of->no_others) {
        in->said = wm_print(NULL, in->problem, WM_ARG(in->said));
        return mistake_of(in, "setting `%s`: %.*s", field->name, WM_ARG(in->said));
    }
    return false;
}

/* The members of an object whose brace has been taken. */
static bool read_members(reader *in, const wanted *of, void *into, uint64_t *seen) {
    size_t next = 0;
    skip_space(in);
    if (in->at < in->end && *in->at == '}') {
        in->at++;
        return true;
    }
    for (;;) {
        wm_text name;
        skip_space(in);
        if (in->at == in->end || *in->at != '"') {
            return unexpected(in, "EOF while parsing an object", "key must be a string");
        }
        in->at++;
        if (!read_text(in, &name) || !read_member(in, of, name, &next, seen, into)) {
            return false;
        }
        skip_space(in);
        if (in->at == in->end || (*in->at != ',' && *in->at != '}')) {
            return unexpected(in, "EOF while parsing an object", "expected `,` or `}`");
        }
        if (*in->at++ == '}') {
            return true;
        }
    }
}

static bool read_end(reader *in) {
    skip_space(in);
    return in->at == in->end || unexpected(in, "", "trailing characters");
}

static bool read_object(reader *in, const wanted *of, void *into) {
    uint64_t seen = 0;
    if (of->count > MOST_FIELDS) {
        wm_panic("wm_read takes %d fields at most, and not %zu", MOST_FIELDS, of->count);
    }
    skip_space(in);
    if (in->at == in->end) {
        return mistake(in, "EOF while parsing a value");
    }
    if (*in->at != '{') {
        return wrong_kind(in, "an object");
    }
    in->at++;
    if (!read_members(in, of, into, &seen)) {
        return false;
    }
    for (size_t index = 0; index < of->count; index++) {
        if (!(seen >> index & 1) && !of->fields[index].optional) {
            return mistake_of(in, "missing field `%s`", of->fields[index].name);
        }
    }
    return read_end(in);
}

/* Rejects the event, with the line and column of the mistake. */
__attribute__((cold, noinline)) static wm_outcome bad_json(wm_context *ctx, const reader *in) {
    size_t line = 1, column = 0;
    for (const char *byte = in->start; byte < in->at; byte++) {
        column++;
        if (*byte == '\n') {
            line++;
            column = 0;
        }
    }
    const wm_text what = wm_print(ctx, in->problem, WM_ARG(in->said));
    return wm_reject(ctx, "bad-json", "%.*s at line %zu column %zu", WM_ARG(what), line, column);
}

__attribute__((cold, noinline)) static wm_outcome no_value(wm_context *ctx) {
    return wm_reject(ctx, "no-value", "the event has no value (a tombstone), and JSON was expected");
}

wm_outcome wm_read(wm_context *ctx, wm_bytes json, const wm_field *fields, size_t count, void *into) {
    reader in = {.start = json.data, .at = json.data, .end = json.data + json.size};
    const wanted of = {fields, count, false};
    if (json.data == NULL) {
        return no_value(ctx);
    }
    return read_object(&in, &of, into) ? WM_OK : bad_json(ctx, &in);
}

wm_outcome wm_read_value(wm_context *ctx, wm_bytes json, wm_kind kind, void *into) {
    reader in = {.start = json.data, .at = json.data, .end = json.data + json.size};
    if (json.data == NULL) {
        return no_value(ctx);
    }
    return read_kind(&in, kind, into) && read_end(&in) ? WM_OK : bad_json(ctx, &in);
}

bool wm_next_item(wm_json *rest, wm_json *item) {
    reader in = {.start = rest->text.data, .at = rest->text.data, .end = rest->text.data + rest->text.size};
    skip_space(&in);
    /* At first the bracket, then the comma behind the item before. */
    if (in.at == in.end || (*in.at != '[' && *in.at != ',')) {
        return false;
    }
    in.at++;
    skip_space(&in);
    if (in.at == in.end || *in.at == ']' || !read_json(&in, &item->text)) {
        return false;
    }
    skip_space(&in);
    rest->text = (wm_text){in.at, (size_t)(in.end - in.at)};
    return true;
}
