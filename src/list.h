/* list: a list of structs that embed a struct list_node; the only list in watchbot.
 *
 * A node knows its list, so it can be removed without naming the list. Zeroed: an empty list, a
 * node of no list. container_of leads from a node to its owner's struct. */
#ifndef WATCHBOT_LIST_H
#define WATCHBOT_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list_node {
    struct list *list; /* NULL: in no list */
    struct list_node *next, *previous;
};

struct list {
    struct list_node *first, *last;
};

static inline bool list_is_empty(const struct list *list) {
    return !list->first;
}

/* Appends a node of no list. */
static inline void list_push(struct list *list, struct list_node *node) {
    node->list = list;
    node->next = NULL;
    node->previous = list->last;
    if (list->last) {
        list->last->next = node;
    } else {
        list->first = node;
    }
    list->last = node;
}

/* Does nothing for a node of no list. */
static inline void list_remove(struct list_node *node) {
    struct list *list = node->list;
    if (!list) return;
    if (node->previous) {
        node->previous->next = node->next;
    } else {
        list->first = node->next;
    }
    if (node->next) {
        node->next->previous = node->previous;
    } else {
        list->last = node->previous;
    }
    *node = (struct list_node){0};
}

/* Puts a node of no list where another is, which leaves. */
static inline void list_replace(struct list_node *old, struct list_node *node) {
    struct list *list = old->list;
    *node = *old;
    if (node->previous) {
        node->previous->next = node;
    } else {
        list->first = node;
    }
    if (node->next) {
        node->next->previous = node;
    } else {
        list->last = node;
    }
    *old = (struct list_node){0};
}

#endif
