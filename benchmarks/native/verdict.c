/* What the audience has seen, as one JSON object. */
#include <inttypes.h>

#include "audience.h"
#include "clock.h"
#include "fail.h"

enum { SILENT_AFTER_SECONDS = 6 /* a held request is answered within 4 s */ };

static uint64_t count_silent(const struct audience *audience)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < audience->settings.viewers; i++) {
        for (int j = 0; j < CONNECTIONS_MAX; j++) {
            const struct connection *connection = audience->viewers[i].connections[j];
            count += connection != NULL && connection->state == ASKING &&
                     connection->heard_ns + SILENT_AFTER_SECONDS * NS_PER_SECOND < audience->now_ns;
        }
    }
    return count;
}

static void print_account(const struct audience *audience)
{
    const struct account *account = &audience->account;
    printf(",\"segments\":{\"asked\":%" PRIu64 ",\"complete\":%" PRIu64 ",\"held\":%" PRIu64
           ",\"empty\":%" PRIu64 ",\"crowded\":%" PRIu64 "}",
           account->segments, account->complete, account->held, account->empty, account->crowded);
    printf(",\"manifests\":{\"asked\":%" PRIu64 ",\"not_modified\":%" PRIu64
           ",\"versions\":%" PRIu64 "}",
           account->manifests, account->not_modified, account->changed);
    printf(",\"faults\":{\"not_found\":%" PRIu64 ",\"gone\":%" PRIu64 ",\"refused\":%" PRIu64
           ",\"retried\":%" PRIu64 ",\"given_up\":%" PRIu64 ",\"aborted\":%" PRIu64
           ",\"silent\":%" PRIu64 ",\"reconnects\":%" PRIu64 "}",
           account->not_found, account->gone, account->refused, account->retried,
           account->given_up, account->aborted, count_silent(audience), account->reconnects);
}

static void print_checks(const struct checks *checks)
{
    printf(",\"checks\":{\"chunks\":%" PRIu64 ",\"corrupt\":%" PRIu64 ",\"cut_short\":%" PRIu64
           ",\"damaged\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"disorder\":%" PRIu64
           ",\"gaps\":%" PRIu64 "}",
           checks->chunks, checks->corrupt, checks->cut_short, checks->damaged, checks->lost,
           checks->disorder, checks->gaps);
}

void verdict_print(const struct audience *audience)
{
    double seconds = (double)(audience->window_end_ns - audience->window_start_ns) / 1e9;
    struct timespec used;
    must(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used), "CPU clock");
    uint64_t cpu_ns = (uint64_t)used.tv_sec * NS_PER_SECOND + (uint64_t)used.tv_nsec -
                      audience->cpu_start_ns;
    printf("{\"viewers\":%" PRIu32 ",\"joined\":%" PRIu32
           ",\"window\":{\"seconds\":%.6f,\"deliveries\":%" PRIu64 ",\"bytes\":%" PRIu64 "}",
           audience->settings.viewers, audience->joined, seconds, audience->account.deliveries,
           audience->account.bytes);
    print_account(audience);
    print_checks(&audience->checks);
    printf(",\"latency_us\":{\"first\":");
    histogram_print_json(&audience->first, stdout, 1);
    printf(",\"following\":");
    histogram_print_json(&audience->following, stdout, 1);
    printf("},\"asked_late_us\":");
    histogram_print_json(&audience->asked_late, stdout, 0);
    printf(",\"generator\":{\"cpu_share\":%.4f}}\n", (double)cpu_ns / 1e9 / seconds);
    if (fflush(stdout) != 0)
        fail_errno("write the result");
}
