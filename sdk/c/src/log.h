/* The host's log. */

/* A list as the canonical ABI has it: pointer and count. */
typedef struct {
    const void *data;
    uint32_t count;
} list;

#define IMPORT(module, name) __attribute__((import_module("wasmill:plugin/" module "@0.1.0"), import_name(name)))
#define EXPORT(interface, name) __attribute__((export_name("wasmill:plugin/" interface "@0.1.0#" name)))
#define EXPORT_POST(interface, name) __attribute__((export_name("cabi_post_wasmill:plugin/" interface "@0.1.0#" name)))

/* The answer is an option: whether there is one, then the level. */
IMPORT("log", "enabled") void host_log_enabled(uint8_t answer[2]);
IMPORT("log", "log") void host_log(uint32_t level, const char *message, size_t size, const wm_log_field *fields, size_t count);

/* The lowest level that is kept, or NOT_ASKED in this call yet: asking costs as much as a short event. */
enum { NOT_ASKED = -1, NONE_KEPT = WM_ERROR + 1 };
static int lowest_level = NOT_ASKED;

bool wm_log_enabled(wm_level level) {
    if (lowest_level == NOT_ASKED) {
        uint8_t answer[2];
        host_log_enabled(answer);
        lowest_level = answer[0] ? answer[1] : NONE_KEPT;
    }
    return (int)level >= lowest_level;
}

void wm_log(wm_level level, const char *format, ...) {
    if (!wm_log_enabled(level)) {
        return;
    }
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    const int size = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (size < 0) {
        return;
    }
    if ((size_t)size < sizeof line) {
        make_utf8(line, (size_t)size);
        host_log(level, line, (size_t)size, NULL, 0);
        return;
    }
    va_start(arguments, format);
    const wm_text text = utf8_of(&of_event, arena_print(&of_event, format, arguments));
    va_end(arguments);
    host_log(level, text.data, text.size, NULL, 0);
}

void wm_log_with(wm_level level, const char *message, const wm_log_field *fields, size_t count) {
    if (!wm_log_enabled(level)) {
        return;
    }
    const wm_text text = utf8_of(&of_event, wm_str(message));
    wm_log_field *texts = arena_take(&of_event, count * sizeof(wm_log_field));
    for (size_t index = 0; index < count; index++) {
        texts[index].name = utf8_of(&of_event, fields[index].name);
        texts[index].value = utf8_of(&of_event, fields[index].value);
    }
    host_log(level, text.data, text.size, texts, count);
}

/* Needs no memory: there may be none. */
void wm_panic(const char *format, ...) {
    static char line[1024];
    va_list arguments;
    va_start(arguments, format);
    const int size = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    const size_t length = size < 0 ? 0 : (size_t)size < sizeof line ? (size_t)size : sizeof line - 1;
    make_utf8(line, length);
    host_log(WM_ERROR, line, length, NULL, 0);
    __builtin_trap();
}

/* In the place of the C library's, which end the instance without a word, or print by way of streams. Weak, since a part of
 * the library that is used for something else may bring its own along. */
__attribute__((weak)) _Noreturn void abort(void) { wm_panic("abort() was called"); }

__attribute__((weak)) _Noreturn void __assert_fail(const char *condition, const char *file, int line, const char *function) {
    wm_panic("assertion failed: %s (%s:%d, in %s)", condition, file, line, function == NULL ? "?" : function);
}
