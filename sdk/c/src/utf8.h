/* Texts that the host is given are UTF-8: one that is not would end the instance. */

/* How many bytes the character beyond ASCII at `at` has; 0 if that is no UTF-8. */
static size_t utf8_size(const char *at, const char *end) {
    const uint8_t *bytes = (const uint8_t *)at;
    const size_t left = (size_t)(end - at);
    const uint8_t first = bytes[0];
    const size_t size = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    if (size == 0 || left < size) {
        return 0;
    }
    for (size_t index = 1; index < size; index++) {
        if ((bytes[index] & 0xc0) != 0x80) {
            return 0;
        }
    }
    /* Nothing longer than it needs to be, no surrogates, nothing beyond Unicode. */
    const uint8_t second = bytes[1];
    const bool bad = (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) || (first == 0xf0 && second < 0x90) ||
                     (first == 0xf4 && second > 0x8f);
    return bad ? 0 : size;
}

/* Whether all of it is. */
static bool is_utf8(wm_text text) {
    const char *at = text.data, *end = text.data + text.size;
    while (at < end) {
        const size_t size = (uint8_t)*at < 0x80 ? 1 : utf8_size(at, end);
        if (size == 0) {
            return false;
        }
        at += size;
    }
    return true;
}

/* Puts question marks in the place of bytes that are none. */
static void make_utf8(char *at, size_t left) {
    char *end = at + left;
    while (at < end) {
        const size_t size = (uint8_t)*at < 0x80 ? 1 : utf8_size(at, end);
        if (size == 0) {
            *at = '?';
        }
        at += size == 0 ? 1 : size;
    }
}

/* The text, or a copy of it that is UTF-8. */
static wm_text utf8_of(arena *from, wm_text text) {
    if (is_utf8(text)) {
        return text;
    }
    char *copy = arena_copy(from, text.data, text.size);
    make_utf8(copy, text.size);
    return (wm_text){copy, text.size};
}
