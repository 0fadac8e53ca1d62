/* Exact decimal numbers. */

/* Up to so many digits are gathered in 64 bits, where any sum fits: most amounts never need more. */
enum { SHORT_NUMBER = 18 };

/* Powers of ten whose product with an int32_t is an int64_t. */
static const int64_t UNITS[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000};

static bool power_of_ten(uint32_t exponent, __int128 *power) {
    if (exponent > 38) {
        return false;
    }
    *power = 1;
    while (exponent-- > 0) {
        *power *= 10;
    }
    return true;
}

/* The digits with so many of them after the point, which are no fewer than there are. False: they do not fit. */
static bool digits_at(wm_decimal number, int32_t scale, __int128 *digits) {
    *digits = number.digits;
    if (number.digits == 0 || number.scale == scale) {
        return true;
    }
    const int64_t more = (int64_t)scale - number.scale;
    if (more < (int64_t)WM_COUNT(UNITS) && number.digits == (int32_t)number.digits) {
        *digits = (int64_t)number.digits * UNITS[more];
        return true;
    }
    __int128 power;
    return more <= 38 && power_of_ten((uint32_t)more, &power) && !__builtin_mul_overflow(number.digits, power, digits);
}

static int compare_digits(__int128 one, __int128 other) { return (one > other) - (one < other); }

int wm_decimal_compare(wm_decimal one, wm_decimal other) {
    const int32_t scale = one.scale > other.scale ? one.scale : other.scale;
    __int128 left, right;
    /* Only the one with the smaller scale can be too large to be written out, and it is then the greater in size. */
    if (!digits_at(one, scale, &left)) {
        return compare_digits(one.digits, 0);
    }
    if (!digits_at(other, scale, &right)) {
        return compare_digits(0, other.digits);
    }
    return compare_digits(left, right);
}

bool wm_decimal_add(wm_decimal one, wm_decimal other, wm_decimal *sum) {
    const int32_t scale = one.scale > other.scale ? one.scale : other.scale;
    __int128 left, right;
    sum->scale = scale;
    return digits_at(one, scale, &left) && digits_at(other, scale, &right) &&
           !__builtin_add_overflow(left, right, &sum->digits);
}

bool wm_decimal_multiply(wm_decimal one, wm_decimal other, wm_decimal *product) {
    return !__builtin_mul_overflow(one.digits, other.digits, &product->digits) &&
           !__builtin_add_overflow(one.scale, other.scale, &product->scale);
}

static bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

static bool parse_exponent(const char *text, const char *end, int32_t *exponent) {
    const bool negative = text < end && *text == '-';
    text += text < end && (*text == '-' || *text == '+');
    int64_t value = 0;
    if (text == end) {
        return false;
    }
    for (; text < end; text++) {
        if (!is_digit(*text)) {
            return false;
        }
        value = 10 * value + (*text - '0');
        if (value > (int64_t)INT32_MAX + 1) {
            return false;
        }
    }
    value = negative ? -value : value;
    *exponent = (int32_t)value;
    return value == *exponent;
}

/* Room for so many more digits, the last of which is this one. */
static bool append_digit(__int128 *digits, uint32_t places, int last) {
    __int128 power, moved;
    if (*digits == 0) {
        *digits = last;
        return true;
    }
    if (!power_of_ten(places, &power) || __builtin_mul_overflow(*digits, power, &moved)) {
        return false;
    }
    return !__builtin_add_overflow(moved, last, digits);
}

/* With an exponent, or of many digits. */
static bool parse_long(const char *text, const char *end, wm_decimal *number) {
    const char *point_at = NULL;
    __int128 digits = 0;
    int64_t scale = 0;
    size_t count = 0;
    /* Zeros are held back: at the end of a long number they need no room. */
    uint32_t zeros = 0;
    for (; text < end && *text != 'e' && *text != 'E'; text++) {
        if (*text == '.' && point_at == NULL) {
            point_at = text;
            continue;
        }
        if (!is_digit(*text)) {
            return false;
        }
        count++;
        zeros++;
        scale += point_at != NULL;
        if (*text != '0') {
            if (!append_digit(&digits, zeros, *text - '0')) {
                return false;
            }
            zeros = 0;
        }
    }
    int32_t exponent = 0;
    if (count == 0 || (text < end && !parse_exponent(text + 1, end, &exponent))) {
        return false;
    }
    scale -= exponent;
    if (!append_digit(&digits, zeros, 0)) {
        scale -= zeros;
    }
    *number = (wm_decimal){digits, (int32_t)scale};
    return scale == number->scale;
}

/* Of what JSON calls a number, and of `007`, `+1`, `.5` and `1.` besides, which stand in texts. */
bool wm_decimal_parse(wm_text text, wm_decimal *number) {
    const char *at = text.data, *end = text.data + text.size;
    const bool negative = at < end && *at == '-';
    at += at < end && (*at == '-' || *at == '+');
    const size_t size = (size_t)(end - at);
    uint64_t digits = 0;
    const char *point_at = NULL;
    const char *next = at;
    for (; next < end && size <= SHORT_NUMBER; next++) {
        if (is_digit(*next)) {
            digits = 10 * digits + (uint64_t)(*next - '0');
        } else if (*next == '.' && point_at == NULL) {
            point_at = next;
        } else {
            break;
        }
    }
    if (next == end && size <= SHORT_NUMBER && size > (point_at != NULL)) {
        *number = (wm_decimal){(__int128)digits, point_at == NULL ? 0 : (int32_t)(end - point_at - 1)};
    } else if (!parse_long(at, end, number)) {
        return false;
    }
    if (negative) {
        number->digits = -number->digits;
    }
    return true;
}

/* So many digits after the point are written out. */
enum { LONGEST_FRACTION = 40 };

/* As a JSON number, into room for 100 bytes; answers where it begins. */
static wm_text decimal_text(wm_decimal number, char room[100]) {
    const bool negative = number.digits < 0;
    unsigned __int128 digits = negative ? -(unsigned __int128)number.digits : (unsigned __int128)number.digits;
    char *end = room + 84, *at = end;
    const bool plain = number.scale >= 0 && number.scale <= LONGEST_FRACTION;
    const int32_t point = plain ? number.scale : 0;
    if (!plain) {
        end += snprintf(end, 15, "e%lld", -(long long)number.scale);
    }
    for (int32_t count = 0; digits > 0 || count <= point; count++) {
        if (count == point && point > 0) {
            *--at = '.';
        }
        /* 128 bits are divided in software: only while they are needed. */
        if (digits >> 64 == 0) {
            const uint64_t rest = (uint64_t)digits;
            *--at = (char)('0' + rest % 10);
            digits = rest / 10;
        } else {
            *--at = (char)('0' + (int)(digits % 10));
            digits /= 10;
        }
    }
    if (negative) {
        *--at = '-';
    }
    return (wm_text){at, (size_t)(end - at)};
}
