/* Memory: what lasts for a call, what lasts for an event, and columns that grow and are used again by the next call. */

#define unlikely(condition) __builtin_expect(!!(condition), 0)

/* A block that is given out from its beginning on. */
typedef struct block {
    struct block *next;
    size_t size;
    size_t used;
    _Alignas(16) char data[];
} block;

typedef struct {
    block *first;
} arena;

/* Of a call: what the host writes (arguments, answers of imports) and the reasons of failures. */
static arena of_call;
/* Of an event: what the author asks for. */
static arena of_event;

enum {
    SMALLEST_BLOCK = 16 << 10,
    /* An arena keeps one block of at most so many bytes for the next time. */
    LARGEST_KEPT = 4 << 20
};

static void *must_have(void *memory, size_t size) {
    if (unlikely(memory == NULL)) {
        wm_panic("out of memory: %zu bytes are not to be had", size);
    }
    return memory;
}

static void *arena_grow(arena *from, size_t size) {
    size_t room = from->first == NULL ? SMALLEST_BLOCK : 2 * from->first->size;
    if (room > LARGEST_KEPT) {
        room = LARGEST_KEPT;
    }
    if (room < size) {
        room = size;
    }
    block *new = must_have(malloc(sizeof(block) + room), room);
    *new = (block){.next = from->first, .size = room, .used = size};
    from->first = new;
    return new->data;
}

static void *arena_take(arena *from, size_t size) {
    if (unlikely(size > PTRDIFF_MAX - sizeof(block) - 16)) {
        must_have(NULL, size);
    }
    size = (size + 15) & ~(size_t)15;
    block *first = from->first;
    if (unlikely(first == NULL || first->size - first->used < size)) {
        return arena_grow(from, size);
    }
    void *taken = first->data + first->used;
    first->used += size;
    return taken;
}

/* Everything is free again. The newest block, which is the largest of the usual ones, is kept. */
static void arena_reset(arena *from) {
    block *first = from->first;
    if (first == NULL) {
        return;
    }
    block *rest = first->next;
    first->next = NULL;
    first->used = 0;
    if (unlikely(first->size > LARGEST_KEPT)) {
        free(first);
        from->first = NULL;
    }
    while (rest != NULL) {
        block *next = rest->next;
        free(rest);
        rest = next;
    }
}

static char *arena_copy(arena *from, const void *data, size_t size) {
    char *copy = arena_take(from, size);
    memcpy(copy, data, size);
    return copy;
}

/* printf into an arena. */
static wm_text arena_print(arena *from, const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    const int size = vsnprintf(NULL, 0, format, arguments);
    char *text = arena_take(from, (size_t)(size < 0 ? 0 : size) + 1);
    text[0] = 0;
    if (size > 0) {
        vsnprintf(text, (size_t)size + 1, format, again);
    }
    va_end(again);
    return (wm_text){text, size < 0 ? 0 : (size_t)size};
}

/* A column: elements of one type, one after the other. */
typedef struct {
    char *data;
    size_t size; /* In bytes. */
    size_t room;
} column;

static void column_grow(column *of, size_t more) {
    size_t room = of->room < 512 ? 1024 : 2 * of->room;
    if (room - of->size < more) {
        room = of->size + more;
    }
    of->data = must_have(realloc(of->data, room), room);
    of->room = room;
}

/* Room for so many bytes more. */
static inline char *column_add(column *of, size_t more) {
    if (unlikely(of->room - of->size < more)) {
        column_grow(of, more);
    }
    char *place = of->data + of->size;
    of->size += more;
    return place;
}

static inline void push_bytes(column *of, const void *data, size_t size) {
    if (size > 0) {
        memcpy(column_add(of, size), data, size);
    }
}

static inline void push_u32(column *of, uint32_t value) { memcpy(column_add(of, 4), &value, 4); }
static inline void push_i64(column *of, int64_t value) { memcpy(column_add(of, 8), &value, 8); }
static inline void push_u8(column *of, uint8_t value) { *column_add(of, 1) = (char)value; }

wm_text wm_str(const char *text) { return (wm_text){text, strlen(text)}; }

bool wm_equal(wm_bytes one, wm_bytes other) {
    return one.size == other.size && (one.size == 0 || memcmp(one.data, other.data, one.size) == 0);
}

/* How the host asks for memory: for the arguments of a call, and for what an import answers. */
__attribute__((export_name("cabi_realloc"))) void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size) {
    if (size == 0) {
        return (void *)align;
    }
    void *new = arena_take(&of_call, size);
    if (old_size > 0) {
        memcpy(new, old, old_size < size ? old_size : size);
    }
    return new;
}
