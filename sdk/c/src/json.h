/* JSON, strictly: what is a value, where it ends, and what a text in it says. */

/* Reads a text from its beginning to its end. Functions answer false at the first mistake, which is then noted. */
typedef struct {
    const char *start;
    const char *at;
    const char *end;
    /* What is wrong at `at`; a text of printf's with `said` in it. */
    const char *problem;
    wm_text said;
} reader;

/* Deeper is refused, as Rust's serde_json does. */
enum { DEEPEST = 127 };

/* What stands in a JSON text literally, and needs no second look: neither quote nor backslash, control or beyond ASCII. */
static const uint8_t SPECIAL[256] = {
#define ROW(value) value, value, value, value, value, value, value, value, value, value, value, value, value, value, value, value
    ROW(1), ROW(1),
    0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ROW(0), ROW(0),
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0,
    ROW(0), ROW(0),
    ROW(1), ROW(1), ROW(1), ROW(1), ROW(1), ROW(1), ROW(1), ROW(1),
#undef ROW
};

__attribute__((cold, noinline)) static bool mistake(reader *in, const char *problem) {
    in->problem = problem;
    return false;
}

/* At the end everything is missing; anything else is one byte further than what was understood. */
__attribute__((cold, noinline)) static bool unexpected(reader *in, const char *eof, const char *other) {
    if (in->at == in->end) {
        return mistake(in, eof);
    }
    in->at++;
    return mistake(in, other);
}

static inline void skip_space(reader *in) {
    while (in->at < in->end && (*in->at == ' ' || *in->at == '\n' || *in->at == '\t' || *in->at == '\r')) {
        in->at++;
    }
}

/* Past what is not special, eight bytes at a time. */
static inline const char *plain_bytes(const char *at, const char *end) {
    const uint64_t low = 0x0101010101010101, high = 0x8080808080808080;
    while (end - at >= 8) {
        uint64_t eight;
        memcpy(&eight, at, 8);
        const uint64_t quote = eight ^ (low * '"'), backslash = eight ^ (low * '\\');
        /* A byte's high bit is set if it is special; above the lowest one there may be false ones. */
        const uint64_t special = ((eight - low * ' ') | eight | ((quote - low) & ~quote) | ((backslash - low) & ~backslash)) & high;
        if (special != 0) {
            return at + __builtin_ctzll(special) / 8;
        }
        at += 8;
    }
    while (at < end && !SPECIAL[(uint8_t)*at]) {
        at++;
    }
    return at;
}

static int hex_digit(char byte) {
    return is_digit(byte) ? byte - '0' : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;
}

static bool read_hex(reader *in, uint32_t *code) {
    *code = 0;
    for (int count = 0; count < 4; count++) {
        const int digit = in->at < in->end ? hex_digit(*in->at) : -1;
        if (digit < 0) {
            return unexpected(in, "EOF while parsing a string", "invalid escape");
        }
        in->at++;
        *code = 16 * *code + (uint32_t)digit;
    }
    return true;
}

/* Past a text whose quote has been taken, without a look at what it says: of what nobody asked for. */
static bool skip_text(reader *in) {
    for (;;) {
        in->at = plain_bytes(in->at, in->end);
        if (in->at == in->end) {
            return mistake(in, "EOF while parsing a string");
        }
        const char byte = *in->at;
        if (byte == '"') {
            in->at++;
            return true;
        }
        if ((uint8_t)byte < ' ') {
            return unexpected(in, "", "control character (\\u0000-\\u001F) found while parsing a string");
        }
        in->at++;
        if (byte != '\\') {
            continue;
        }
        if (in->at == in->end || memchr("\"\\/bfnrtu", *in->at, 9) == NULL) {
            return unexpected(in, "EOF while parsing a string", "invalid escape");
        }
        uint32_t code;
        if (*in->at++ == 'u' && !read_hex(in, &code)) {
            return false;
        }
    }
}

static char *write_utf8(char *to, uint32_t code) {
    if (code < 0x80) {
        *to++ = (char)code;
    } else if (code < 0x800) {
        *to++ = (char)(0xc0 | code >> 6);
        *to++ = (char)(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        *to++ = (char)(0xe0 | code >> 12);
        *to++ = (char)(0x80 | (code >> 6 & 0x3f));
        *to++ = (char)(0x80 | (code & 0x3f));
    } else {
        *to++ = (char)(0xf0 | code >> 18);
        *to++ = (char)(0x80 | (code >> 12 & 0x3f));
        *to++ = (char)(0x80 | (code >> 6 & 0x3f));
        *to++ = (char)(0x80 | (code & 0x3f));
    }
    return to;
}

/* The character after a backslash. */
static bool read_escape(reader *in, char **to) {
    static const char names[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const char byte = in->at < in->end ? *in->at : 0;
    const char *name = byte == 0 ? NULL : memchr(names, byte, sizeof names - 1);
    if (name != NULL) {
        in->at++;
        *(*to)++ = meant[name - names];
        return true;
    }
    if (byte != 'u') {
        return unexpected(in, "EOF while parsing a string", "invalid escape");
    }
    in->at++;
    uint32_t code, second;
    if (!read_hex(in, &code)) {
        return false;
    }
    if (code >= 0xd800 && code < 0xdc00) {
        if (in->end - in->at < 2 || in->at[0] != '\\' || in->at[1] != 'u') {
            return mistake(in, "unexpected end of hex escape");
        }
        in->at += 2;
        if (!read_hex(in, &second)) {
            return false;
        }
        if (second < 0xdc00 || second > 0xdfff) {
            return mistake(in, "lone leading surrogate in hex escape");
        }
        code = 0x10000 + ((code - 0xd800) << 10 | (second - 0xdc00));
    } else if (code >= 0xdc00 && code < 0xe000) {
        return mistake(in, "lone leading surrogate in hex escape");
    }
    *to = write_utf8(*to, code);
    return true;
}

/* A text with escapes: `start` is where it begins, `at` the first backslash. What it says is never longer. */
static bool read_escaped(reader *in, const char *start, wm_text *text) {
    /* Where it ends is not known yet, only that it does not reach past the next quote that no backslash precedes. */
    const char *begin = in->at;
    if (!skip_text(in)) {
        return false;
    }
    char *said = arena_take(&of_event, (size_t)(in->at - start)), *to = said;
    const char *from = start;
    in->at = begin;
    for (;;) {
        memcpy(to, from, (size_t)(in->at - from));
        to += in->at - from;
        if (*in->at == '"') {
            in->at++;
            *text = (wm_text){said, (size_t)(to - said)};
            return true;
        }
        if (*in->at == '\\') {
            in->at++;
            if (!read_escape(in, &to)) {
                return false;
            }
            from = in->at;
        } else {
            const size_t size = utf8_size(in->at, in->end);
            if (size == 0) {
                return mistake(in, "invalid unicode code point");
            }
            from = in->at;
            in->at += size;
        }
        in->at = plain_bytes(in->at, in->end);
    }
}

/* What a text says, whose quote has been taken; it is not copied unless it has escapes. */
static inline bool read_text(reader *in, wm_text *text) {
    const char *start = in->at;
    for (;;) {
        in->at = plain_bytes(in->at, in->end);
        if (unlikely(in->at == in->end)) {
            return mistake(in, "EOF while parsing a string");
        }
        if (*in->at == '"') {
            *text = (wm_text){start, (size_t)(in->at - start)};
            in->at++;
            return true;
        }
        if (*in->at == '\\') {
            return read_escaped(in, start, text);
        }
        if ((uint8_t)*in->at < ' ') {
            return unexpected(in, "", "control character (\\u0000-\\u001F) found while parsing a string");
        }
        const size_t size = utf8_size(in->at, in->end);
        if (size == 0) {
            return unexpected(in, "", "invalid unicode code point");
        }
        in->at += size;
    }
}

static inline bool skip_digits(reader *in) {
    const char *start = in->at;
    while (in->at < in->end && is_digit(*in->at)) {
        in->at++;
    }
    return in->at > start || unexpected(in, "EOF while parsing a value", "invalid number");
}

/* Past a number. */
static bool skip_number(reader *in) {
    in->at += *in->at == '-';
    if (in->at < in->end && *in->at == '0') {
        in->at++;
        if (in->at < in->end && is_digit(*in->at)) {
            return unexpected(in, "", "invalid number");
        }
    } else if (!skip_digits(in)) {
        return false;
    }
    if (in->at < in->end && *in->at == '.') {
        in->at++;
        if (!skip_digits(in)) {
            return false;
        }
    }
    if (in->at < in->end && (*in->at == 'e' || *in->at == 'E')) {
        in->at++;
        in->at += in->at < in->end && (*in->at == '+' || *in->at == '-');
        return skip_digits(in);
    }
    return true;
}

static bool skip_word(reader *in, const char *word) {
    for (; *word != 0; word++) {
        if (in->at == in->end || *in->at != *word) {
            return unexpected(in, "EOF while parsing a value", "expected ident");
        }
        in->at++;
    }
    return true;
}

static bool skip_value(reader *in, unsigned depth);

/* Past the colon behind a key. */
static inline bool skip_colon(reader *in) {
    skip_space(in);
    if (in->at == in->end || *in->at != ':') {
        return unexpected(in, "EOF while parsing an object", "expected `:`");
    }
    in->at++;
    return true;
}

/* Past an object or an array whose bracket has been taken. */
static bool skip_items(reader *in, bool object, unsigned depth) {
    const char close = object ? '}' : ']';
    if (depth >= DEEPEST) {
        return mistake(in, "recursion limit exceeded");
    }
    skip_space(in);
    if (in->at < in->end && *in->at == close) {
        in->at++;
        return true;
    }
    for (;;) {
        if (object) {
            skip_space(in);
            if (in->at == in->end || *in->at != '"') {
                return unexpected(in, "EOF while parsing an object", "key must be a string");
            }
            in->at++;
            if (!skip_text(in) || !skip_colon(in)) {
                return false;
            }
        }
        if (!skip_value(in, depth + 1)) {
            return false;
        }
        skip_space(in);
        if (in->at == in->end || (*in->at != ',' && *in->at != close)) {
            return object ? unexpected(in, "EOF while parsing an object", "expected `,` or `}`")
                          : unexpected(in, "EOF while parsing a list", "expected `,` or `]`");
        }
        if (*in->at++ == close) {
            return true;
        }
    }
}

/* Past any value. */
static bool skip_value(reader *in, unsigned depth) {
    skip_space(in);
    switch (in->at < in->end ? *in->at : 0) {
    case '"':
        in->at++;
        return skip_text(in);
    case '{':
        in->at++;
        return skip_items(in, true, depth);
    case '[':
        in->at++;
        return skip_items(in, false, depth);
    case 't':
        return skip_word(in, "true");
    case 'f':
        return skip_word(in, "false");
    case 'n':
        return skip_word(in, "null");
    case '-': case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
        return skip_number(in);
    default:
        return unexpected(in, "EOF while parsing a value", "expected value");
    }
}
