/*
 * Singly linked lists.
 */
#include <stdlib.h>
#include "list.h"

#define LIST_MAX 100
#define MIN(a, b) \
    ((a) < (b) ? (a) : (b))

/* One element. */
struct node {
    int value;
    struct node *next;
};

typedef struct {
    struct node *head;
    size_t length;
} list_t;

typedef int (*compare_fn)(const void *, const void *);
typedef unsigned long word;

enum order { ASCENDING, DESCENDING };

union value { int i; double d; };

static int counter = 0;
extern const char *names[];

int list_length(const list_t *list);

// Makes an empty list.
list_t *list_new(void)
{
    list_t *list = malloc(sizeof *list);
    return list;
}

#ifdef DEBUG
static void dump(const list_t *list)
{
    (void) list;
}
#else
#define dump(x)
#endif

static inline int
list_push(list_t *list, int value)
{
    struct node *node = malloc(sizeof *node);
    node->value = value;
    node->next = list->head;
    list->head = node;
    return counter++;
}
