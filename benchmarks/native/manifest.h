/* The yardstick's manifest: as much of an MPD as a player needs. */
#ifndef SORGENTE_BENCH_MANIFEST_H
#define SORGENTE_BENCH_MANIFEST_H

#include "relay.h"

/* The answer to a request for it; NULL while there is nothing to announce. */
struct frame *manifest_of(struct channel *channel, const char *head);

/* The answer to `/time`: UTC, with milliseconds. Whoever asks releases it. */
struct frame *time_now(void);

#endif
