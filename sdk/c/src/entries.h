/* What the module knows of the task's entries: kept from one call to the next, and written once a call. */

/* Bytes of entries that may be kept from one call to the next: a quarter of the memory that a plugin has unless
 * configured. */
enum { KEPT = 16 << 20, OVERHEAD = 128, AGAIN = 2 };

/* A value's memory. */
typedef struct {
    char *data;
    uint32_t size;
    uint32_t room;
} buffer;

typedef struct entry {
    struct entry *next; /* Of the same place in the table. */
    uint64_t hash;
    uint32_t store, partition;
    buffer value;
    bool present;
    bool dirty;     /* Written in this call. */
    bool journaled; /* Written by the event at hand. */
    uint8_t used;   /* How often it was looked for, up to AGAIN; one less each time that the hand comes by. */
    int64_t written; /* Stream time of the last write. */
    uint32_t source; /* The event of this call that wrote last. */
    buffer spare;   /* The memory of the value before: the next write needs no other. */
    size_t counted; /* In `entries.bytes`. */
    uint32_t key_size;
    char key[];
} entry;

/* What an entry was before the event at hand wrote it. */
typedef struct {
    entry *of;
    buffer value;
    bool present, dirty;
    int64_t written;
    uint32_t source;
} undo;

static struct {
    entry **table;
    size_t places; /* A power of two. */
    entry **all;
    size_t count, room;
    size_t hand; /* The entry that is looked at next when something has to be forgotten. */
    size_t bytes;
    column dirty;   /* entry *, in the order of their first writes. */
    column journal; /* undo */
} entries;

static uint64_t mix(uint64_t one, uint64_t other) {
    const unsigned __int128 product = (unsigned __int128)one * other;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_of(uint32_t store, uint32_t partition, wm_bytes key) {
    uint64_t hash = mix(0x9e3779b97f4a7c15 ^ store, 0xbf58476d1ce4e5b9 ^ partition) ^ key.size;
    const char *at = key.data;
    size_t left = key.size;
    for (; left >= 8; left -= 8, at += 8) {
        uint64_t eight;
        memcpy(&eight, at, 8);
        hash = mix(hash ^ eight, 0x94d049bb133111eb);
    }
    uint64_t rest = 0;
    memcpy(&rest, at, left);
    return mix(hash ^ rest, 0xd6e8feb86659fd93);
}

static entry *look_up(uint64_t hash, uint32_t store, uint32_t partition, wm_bytes key) {
    if (entries.places == 0) {
        return NULL;
    }
    entry *found = entries.table[hash & (entries.places - 1)];
    for (; found != NULL; found = found->next) {
        if (found->hash == hash && found->store == store && found->partition == partition && found->key_size == key.size &&
            memcmp(found->key, key.data, key.size) == 0) {
            return found;
        }
    }
    return NULL;
}

static void table_grow(void) {
    const size_t places = entries.places == 0 ? 256 : 2 * entries.places;
    free(entries.table);
    entries.table = must_have(calloc(places, sizeof(entry *)), places);
    entries.places = places;
    for (size_t index = 0; index < entries.count; index++) {
        entry **place = &entries.table[entries.all[index]->hash & (places - 1)];
        entries.all[index]->next = *place;
        *place = entries.all[index];
    }
}

/* A place for an entry that is not known. */
static entry *expect_entry(uint64_t hash, uint32_t store, uint32_t partition, wm_bytes key) {
    if (entries.count == entries.room) {
        entries.room = entries.room == 0 ? 256 : 2 * entries.room;
        entries.all = must_have(realloc(entries.all, entries.room * sizeof(entry *)), entries.room);
    }
    if (entries.count >= entries.places) {
        table_grow();
    }
    entry *new = must_have(malloc(sizeof(entry) + key.size), key.size);
    entry **place = &entries.table[hash & (entries.places - 1)];
    *new = (entry){
        .next = *place, .hash = hash, .store = store, .partition = partition, .written = INT64_MIN, .key_size = (uint32_t)key.size};
    memcpy(new->key, key.data, key.size);
    *place = new;
    entries.all[entries.count++] = new;
    return new;
}

/* Forgets the entry at this place of `entries.all`. */
static void let_go(size_t index) {
    entry *gone = entries.all[index];
    entry **place = &entries.table[gone->hash & (entries.places - 1)];
    while (*place != gone) {
        place = &(*place)->next;
    }
    *place = gone->next;
    entries.all[index] = entries.all[--entries.count];
    entries.bytes -= gone->counted;
    free(gone->value.data);
    free(gone->spare.data);
    free(gone);
}

static void count_bytes(entry *of) {
    const size_t bytes = of->key_size + of->value.room + of->spare.room + OVERHEAD;
    entries.bytes += bytes - of->counted;
    of->counted = bytes;
}

/* Forgets entries until they take no more than the budget: as the hand of a clock comes by, those that were not looked for
 * again since it was there. Nothing that this call has yet to write may be among them. */
static void forget_entries(void) {
    /* The first turn takes the marks away, so that the second one frees all. */
    for (size_t turns = 2 * entries.count; entries.bytes > KEPT && turns > 0; turns--) {
        if (entries.hand >= entries.count) {
            entries.hand = 0;
        }
        entry *at_hand = entries.all[entries.hand];
        if (at_hand->used == AGAIN) {
            at_hand->used = 1;
            entries.hand++;
        } else {
            let_go(entries.hand);
        }
    }
}

/* What is written may be a part of what was there. */
static void set_value(buffer *into, wm_bytes value) {
    if (into->room < value.size || into->data == NULL) {
        const size_t room = value.size == 0 ? 16 : (value.size + 15) & ~(size_t)15;
        char *data = must_have(malloc(room), room);
        memcpy(data, value.data, value.size);
        free(into->data);
        into->data = data;
        into->room = (uint32_t)room;
    } else {
        memmove(into->data, value.data, value.size);
    }
    into->size = (uint32_t)value.size;
}

/* Writes an entry, or with `value` NULL deletes it. */
static void write_entry(entry *of, const wm_bytes *value, int64_t stream_time, uint32_t source) {
    if (!of->journaled) {
        of->journaled = true;
        *(undo *)column_add(&entries.journal, sizeof(undo)) = (undo){
            .of = of, .value = of->value, .present = of->present, .dirty = of->dirty, .written = of->written, .source = of->source};
        of->value = of->spare;
        of->spare = (buffer){0};
    }
    of->present = value != NULL;
    if (value != NULL) {
        set_value(&of->value, *value);
    }
    of->written = stream_time;
    of->source = source;
    if (!of->dirty) {
        of->dirty = true;
        *(entry **)column_add(&entries.dirty, sizeof(entry *)) = of;
    }
}

/* The memory that an entry no longer needs. */
static void set_aside(entry *of, buffer no_longer) {
    free(of->spare.data);
    of->spare = no_longer;
}

/* The event at hand is done. */
static void keep_writes(void) {
    const undo *journal = (const undo *)entries.journal.data;
    for (size_t index = 0; index < entries.journal.size / sizeof(undo); index++) {
        journal[index].of->journaled = false;
        set_aside(journal[index].of, journal[index].value);
    }
    entries.journal.size = 0;
}

/* The event at hand failed: it has written nothing. */
static void take_writes_back(void) {
    const undo *journal = (const undo *)entries.journal.data;
    for (size_t index = 0; index < entries.journal.size / sizeof(undo); index++) {
        const undo *was = &journal[index];
        entry *of = was->of;
        if (!was->dirty) {
            /* Those that only this event wrote are the last. */
            entries.dirty.size -= sizeof(entry *);
        }
        set_aside(of, of->value);
        of->value = was->value;
        of->present = was->present;
        of->dirty = was->dirty;
        of->written = was->written;
        of->source = was->source;
        of->journaled = false;
    }
    entries.journal.size = 0;
}

static int by_source(const void *one, const void *other) {
    const entry *left = *(entry *const *)one, *right = *(entry *const *)other;
    return (left->source > right->source) - (left->source < right->source);
}

/* The call is done: what it wrote goes into the answer, each entry once, as the last event left it. */
static void answer_writes(void) {
    entry **dirty = (entry **)entries.dirty.data;
    const size_t count = entries.dirty.size / sizeof(entry *);
    bool in_order = true;
    for (size_t index = 1; index < count && in_order; index++) {
        in_order = dirty[index - 1]->source <= dirty[index]->source;
    }
    if (!in_order) {
        qsort(dirty, count, sizeof(entry *), by_source);
    }
    for (size_t index = 0; index < count; index++) {
        entry *of = dirty[index];
        of->dirty = false;
        push_u32(&answer.write_sources, of->source);
        push_u32(&answer.write_stores, of->store);
        push_u32(&answer.write_keys, of->key_size);
        push_u32(&answer.write_values, of->present ? of->value.size : (uint32_t)LENGTH_NULL);
        push_bytes(&answer.write_data, of->key, of->key_size);
        push_bytes(&answer.write_data, of->value.data, of->present ? of->value.size : 0);
        count_bytes(of);
    }
    entries.dirty.size = 0;
    forget_entries();
}
