/* The result of a measurement as one JSON object. */
#include <inttypes.h>
#include <unistd.h>

#include "clock.h"
#include "fail.h"
#include "load.h"

static const double SATURATED_SHARE = 0.9;

static int compare(const void *left, const void *right)
{
    uint64_t one = *(const uint64_t *)left, other = *(const uint64_t *)right;
    return (one > other) - (one < other);
}

/* Exact percentiles: there are few values. */
static void print_times(const char *name, uint64_t *times_ns, size_t count)
{
    printf("\"%s\":{\"count\":%zu", name, count);
    if (count > 0) {
        qsort(times_ns, count, sizeof *times_ns, compare);
        printf(",\"p50\":%.1f,\"p99\":%.1f,\"max\":%.1f", (double)times_ns[(count - 1) / 2] / 1e3,
               (double)times_ns[(count * 99 + 99) / 100 - 1] / 1e3,
               (double)times_ns[count - 1] / 1e3);
    }
    putchar('}');
}

static void print_late_joins(const struct load *load)
{
    uint64_t *times = must_allocate((size_t)load->options.late + 1, sizeof *times);
    size_t joined = 0, playable = 0;
    for (uint32_t i = load->options.players; i < load->player_count; i++)
        if (load->players[i].joined)
            times[joined++] = load->players[i].joined_ns - load->players[i].connect_ns;
    printf(",\"late_join_us\":{\"players\":%" PRIu32 ",", load->options.late);
    print_times("first_chunk", times, joined);
    for (uint32_t i = load->options.players; i < load->player_count; i++)
        if (load->players[i].playable_ns > 0)
            times[playable++] = load->players[i].playable_ns - load->players[i].connect_ns;
    putchar(',');
    print_times("first_playable", times, playable);
    putchar('}');
    free(times);
}

static uint64_t published_in_window(const struct load *load, uint32_t channel)
{
    const struct channel_view *view = &load->channels[channel];
    uint64_t published = 0;
    for (uint32_t i = 0; i < load->uploads_per_channel && load->publisher_count > 0; i++)
        published += load->publishers[channel * load->uploads_per_channel + i].in_window;
    if (load->publisher_count > 0)
        return published;
    return view->seen_in_window ? view->window_last - view->window_first + 1 : 0;
}

/* Published chunks times ramp players, channel by channel: counted apart from the gaps. */
static void print_window(const struct load *load)
{
    const struct window_tally *window = &load->window;
    uint64_t expected = 0, published = 0;
    for (uint32_t i = 0; i < load->options.players; i++)
        if (player_counts(load, &load->players[i]))
            expected += published_in_window(load, load->players[i].receiver.channel);
    for (uint32_t channel = 0; channel < load->options.channels; channel++)
        published += published_in_window(load, channel);
    printf(",\"window\":{\"seconds\":%.6f,\"published\":%" PRIu64 ",\"expected\":%" PRIu64
           ",\"received\":%" PRIu64 ",\"missing\":%" PRId64 ",\"received_in_time\":%" PRIu64
           ",\"bytes_in_time\":%" PRIu64 "}",
           (double)(load->window_end_ns - load->window_start_ns) / 1e9, published, expected,
           window->received, (int64_t)(expected - window->received), window->in_time,
           window->in_time_bytes);
}

/* Chunks that never came although the channel went on. */
static uint64_t lost_at_the_end(const struct load *load)
{
    uint64_t lost = 0;
    for (uint32_t i = 0; i < load->player_count; i++) {
        const struct receiver *receiver = &load->players[i].receiver;
        uint64_t newest = load->channels[receiver->channel].newest;
        if (load->publisher_count > 0)
            newest = load->publishers[receiver->channel].beats[0].number - 1; /* one at least is out */
        if (load->players[i].joined && newest >= receiver->next_number)
            lost += newest + 1 - receiver->next_number;
    }
    return lost;
}

static void print_session(const struct load *load)
{
    const struct tally *tally = &load->tally;
    uint64_t tail = lost_at_the_end(load);
    printf(",\"session\":{\"expected\":%" PRIu64 ",\"received\":%" PRIu64 ",\"lost\":%" PRIu64
           ",\"lost_at_the_end\":%" PRIu64 ",\"skipped\":%" PRIu64 ",\"corrupt\":%" PRIu64
           ",\"duplicated\":%" PRIu64 ",\"reordered\":%" PRIu64 ",\"altered_moofs\":%" PRIu64,
           tally->received + tally->lost + tail + tally->skipped, tally->received,
           tally->lost + tail, tail, tally->skipped, tally->corrupt, tally->duplicated,
           tally->reordered, tally->altered);
    printf(",\"backlog\":%" PRIu64 ",\"closed_early\":%" PRIu64 ",\"refused\":%" PRIu64
           ",\"reconnects\":%" PRIu64 ",\"bytes\":%" PRIu64 "}",
           load->backlog, load->closed_early, load->refused, load->reconnects, tally->bytes);
}

static void print_latency(struct load *load)
{
    static const char *const NAMES[GROUPS] = {"before", "during", "after", "stalled", "late"};
    static struct histogram steady;
    bool has_event = load->options.event_seconds > 0;
    for (int group = BEFORE_EVENT; group <= AFTER_EVENT; group++)
        histogram_merge(&steady, &load->latency[group]);
    printf(",\"latency_us\":{\"steady\":");
    histogram_print_json(&steady, stdout, load->options.buckets);
    for (int group = 0; has_event && group < GROUPS; group++) {
        printf(",\"%s\":", NAMES[group]);
        histogram_print_json(&load->latency[group], stdout, load->options.buckets);
    }
    putchar('}');
}

static void print_publishers(const struct load *load)
{
    uint64_t overruns = 0;
    unsigned status = 0;
    for (uint32_t i = 0; i < load->publisher_count; i++) {
        overruns += load->publishers[i].overruns;
        if (i == 0 || load->publishers[i].status > status)
            status = load->publishers[i].status;
    }
    printf(",\"publisher\":{\"count\":%" PRIu32 ",\"status\":%u,\"overruns\":%" PRIu64
           ",\"late_us\":",
           load->publisher_count, status, overruns);
    histogram_print_json(&load->publish_late, stdout, 0);
    putchar('}');
}

static void print_generator(const struct load *load)
{
    double seconds = (double)(load->window_end_ns - load->window_start_ns) / 1e9;
    double cpu = (double)(load->window.cpu_end_ns - load->window.cpu_start_ns) / 1e9;
    printf(",\"generator\":{\"cpu_seconds\":%.4f,\"cpu_share\":%.4f,\"saturated\":%s}", cpu,
           cpu / seconds, cpu / seconds > SATURATED_SHARE ? "true" : "false");
}

void report_print(struct load *load)
{
    const struct options *options = &load->options;
    printf("{\"players\":%" PRIu32 ",\"joined\":%" PRIu32 ",\"channels\":%" PRIu32
           ",\"hz\":%g,\"chunk_bytes\":%zu,\"gop\":%" PRIu32 ",\"stalled\":%" PRIu32
           ",\"ramp_seconds\":%.3f",
           options->players, load->ramp_joined, options->channels, options->hz, options->size,
           options->gop, options->stall, (double)(load->joined_ns - load->ramp_start_ns) / 1e9);
    print_window(load);
    print_session(load);
    print_latency(load);
    if (options->late > 0)
        print_late_joins(load);
    print_publishers(load);
    print_generator(load);
    printf("}\n");
    if (fflush(stdout) != 0)
        fail_errno("write the result");
}
