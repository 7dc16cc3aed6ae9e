/* The audience: viewers over epoll, in one thread, that behave like low-latency DASH players. What
 * there is to watch it is told on stdin; see audience.h, and ../README.md for what it measures. */
#include "audience.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "clock.h"
#include "fail.h"

enum {
    EVENTS_AT_ONCE = 256,
    TELL_EVERY_SECONDS = 10,
    RAMP_PATIENCE_SECONDS = 20, /* for viewers to have a chunk of every track */
};

static const char USAGE[] =
    "audience --port N [options]: viewers of a live channel that behave like DASH players\n"
    "  --address A            IPv4 address of the server (default 127.0.0.1)\n"
    "  --host NAME            for the Host header (default: the address)\n"
    "  --viewers N            (default 1)\n"
    "  --sources S            1: leave the source address to the system; else 127.0.0.1 … in turn\n"
    "  --ramp-rate R          viewers that join in a second (default 500)\n"
    "  --early-ms E           the first viewer asks so much before a segment is due (default 0)\n"
    "  --spread-ms S          and the last one S ms after the first (default 50)\n"
    "  --manifest-seconds S   between two looks at the manifest; 0: none but the first (default 1)\n"
    "On stdin, a line each:\n"
    "  manifest TARGET\n"
    "  init TRACK TARGET      of track 0, 1, …; all of them before `ramp`\n"
    "  segment TRACK NUMBER DUE_NS TIMESCALE ZERO_NS TARGET\n"
    "                         CLOCK_MONOTONIC: when to ask, and where media time 0 would be\n"
    "  ramp                   let the viewers in; `joined N` is said when all have a chunk, or no\n"
    "                         more are waited for\n"
    "  go T0 T1               the measured window, in CLOCK_MONOTONIC ns; then it ends\n"
    "The result is one JSON object on stdout; the course is told on stderr.\n";

/* ---- the course ----------------------------------------------------------------------------- */

static void obey(struct audience *audience, char *line)
{
    uint64_t start_ns, end_ns;
    audience->now_ns = monotonic_ns();
    if (agenda_obey(audience, line))
        return;
    if (audience->phase == WAITING_TO_RAMP && strcmp(line, "ramp") == 0 &&
        audience->track_count > 0 && audience->manifest.target[0] != '\0') {
        audience->phase = RAMPING;
        audience->ramp_start_ns = audience->now_ns;
        audience->ramp_end_ns =
            audience->now_ns + RAMP_PATIENCE_SECONDS * NS_PER_SECOND +
            seconds_to_ns(audience->settings.viewers / audience->settings.ramp_rate);
    } else if (audience->phase == WAITING_TO_GO &&
               sscanf(line, "go %" SCNu64 " %" SCNu64, &start_ns, &end_ns) == 2 &&
               start_ns >= audience->now_ns && end_ns > start_ns) {
        audience->phase = RUNNING;
        audience->window_start_ns = start_ns;
        audience->window_end_ns = end_ns;
        audience->next_told_ns = start_ns + TELL_EVERY_SECONDS * NS_PER_SECOND;
    } else {
        fail_because("gate", "not a word for this phase");
    }
}

static uint64_t own_cpu_ns(void)
{
    struct timespec used;
    must(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used), "CPU clock");
    return (uint64_t)used.tv_sec * NS_PER_SECOND + (uint64_t)used.tv_nsec;
}

static void tell_course(struct audience *audience)
{
    const struct account *account = &audience->account;
    const struct checks *checks = &audience->checks;
    audience->next_told_ns += TELL_EVERY_SECONDS * NS_PER_SECOND;
    fprintf(stderr,
            "course %.0f s: %" PRIu32 " viewers, %" PRIu64 " segments, p99 %.1f ms behind, 404 %"
            PRIu64 ", aborted %" PRIu64 ", wrong %" PRIu64 "\n",
            (double)(audience->now_ns - audience->window_start_ns) / 1e9, audience->joined,
            account->complete, (double)histogram_percentile(&audience->following, 0.99) / 1e6,
            account->not_found, account->aborted,
            checks->corrupt + checks->cut_short + checks->damaged + checks->lost +
                checks->disorder);
}

static void advance(struct audience *audience)
{
    if (audience->phase == WAITING_TO_RAMP)
        return;
    agenda_run(audience);
    if (audience->now_ns >= audience->next_retry_ns)
        connections_retry(audience);
    if (audience->phase == RAMPING && (audience->joined == audience->settings.viewers ||
                                       audience->now_ns >= audience->ramp_end_ns)) {
        audience->phase = WAITING_TO_GO;
        fprintf(stderr, "joined %" PRIu32 "\n", audience->joined);
    }
    if (audience->phase != RUNNING)
        return;
    if (!audience->window_open && audience->now_ns >= audience->window_start_ns) {
        audience->window_open = true;
        audience->cpu_start_ns = own_cpu_ns();
    }
    if (audience->now_ns >= audience->next_told_ns)
        tell_course(audience);
    if (audience->now_ns >= audience->window_end_ns)
        audience->phase = OVER;
}

/* ---- what epoll hands back ------------------------------------------------------------------ */

static uint64_t next_due_ns(const struct audience *audience)
{
    uint64_t due = audience->phase == WAITING_TO_RAMP ? NEVER : agenda_due_ns(audience);
    if (audience->phase == RAMPING && audience->ramp_end_ns < due)
        due = audience->ramp_end_ns;
    if (audience->next_retry_ns < due)
        due = audience->next_retry_ns;
    if (audience->phase == RUNNING) {
        uint64_t end = audience->window_open ? audience->window_end_ns : audience->window_start_ns;
        due = end < due ? end : due;
    }
    return due;
}

static void arm_timer(struct audience *audience)
{
    uint64_t due = audience->due_ns = next_due_ns(audience);
    if (due == audience->timer_armed_for_ns)
        return;
    struct itimerspec timer = {.it_value = {.tv_sec = (time_t)(due / NS_PER_SECOND),
                                            .tv_nsec = (long)(due % NS_PER_SECOND)}};
    must(timerfd_settime(audience->timer_fd, TFD_TIMER_ABSTIME, &timer, NULL), "arm timer");
    audience->timer_armed_for_ns = due;
}

static void timer_ready(struct audience *audience)
{
    uint64_t expirations;
    ssize_t length = read(audience->timer_fd, &expirations, sizeof expirations);
    if (length < 0 && errno != EAGAIN && errno != EINTR)
        fail_errno("read timer");
    audience->timer_armed_for_ns = 0;
}

static void gate_ready(struct audience *audience)
{
    char *text = audience->gate_text, *end;
    ssize_t length = read(STDIN_FILENO, text + audience->gate_length,
                          sizeof audience->gate_text - audience->gate_length);
    if (length < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (length <= 0)
        fail_because("gate", "stdin was closed, or a line is too long");
    audience->gate_length += (size_t)length;
    while ((end = memchr(text, '\n', audience->gate_length)) != NULL) {
        *end = '\0';
        obey(audience, text);
        audience->gate_length -= (size_t)(end + 1 - text);
        memmove(text, end + 1, audience->gate_length);
    }
}

static void run_to_the_end(struct audience *audience)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    while (audience->phase != OVER) {
        arm_timer(audience);
        int count = epoll_wait(audience->epoll_fd, events, EVENTS_AT_ONCE, -1);
        if (count < 0 && errno != EINTR)
            fail_errno("epoll_wait");
        audience->now_ns = monotonic_ns();
        for (int i = 0; i < count; i++) {
            enum source_kind kind = *(const enum source_kind *)events[i].data.ptr;
            if (kind == FROM_TIMER)
                timer_ready(audience);
            else if (kind == FROM_GATE)
                gate_ready(audience);
            else
                connection_ready(audience, events[i].data.ptr, events[i].events);
            if (audience->now_ns >= audience->due_ns) {
                advance(audience); /* answers must not make the next requests late */
                audience->due_ns = next_due_ns(audience);
            }
        }
        audience->now_ns = monotonic_ns();
        advance(audience);
    }
}

/* ---- before anything runs ------------------------------------------------------------------- */

static double number(const char *name, const char *text, double lowest, double highest)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(value) || value < lowest || value > highest)
        fail_because(name, "not a sensible number");
    return value;
}

static void read_options(struct settings *settings, int argc, char **argv)
{
    static const struct option OPTIONS[] = {
        {"port", required_argument, NULL, 'p'},
        {"address", required_argument, NULL, 'a'},
        {"host", required_argument, NULL, 'h'},
        {"viewers", required_argument, NULL, 'v'},
        {"sources", required_argument, NULL, 's'},
        {"ramp-rate", required_argument, NULL, 'r'},
        {"early-ms", required_argument, NULL, 'e'},
        {"spread-ms", required_argument, NULL, 'd'},
        {"manifest-seconds", required_argument, NULL, 'm'},
        {NULL, 0, NULL, 0},
    };
    const char *address = "127.0.0.1";
    *settings = (struct settings){.address.sin_family = AF_INET, .viewers = 1, .sources = 1,
                                  .ramp_rate = 500, .spread_ms = 50, .manifest_seconds = 1};
    for (int id; (id = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1;) {
        switch (id) {
        case 'p':
            settings->address.sin_port = htons((uint16_t)number("--port", optarg, 1, 65535));
            break;
        case 'a': address = optarg; break;
        case 'h': settings->host = optarg; break;
        case 'v': settings->viewers = (uint32_t)number("--viewers", optarg, 1, 100000); break;
        case 's': settings->sources = (uint32_t)number("--sources", optarg, 1, 250); break;
        case 'r': settings->ramp_rate = number("--ramp-rate", optarg, 1, 1e6); break;
        case 'e': settings->early_ms = number("--early-ms", optarg, 0, 1000); break;
        case 'd': settings->spread_ms = number("--spread-ms", optarg, 0, 10000); break;
        case 'm': settings->manifest_seconds = number("--manifest-seconds", optarg, 0, 600); break;
        default: fputs(USAGE, stderr); exit(2);
        }
    }
    if (settings->address.sin_port == 0)
        fail_because("--port", "must be given");
    if (inet_pton(AF_INET, address, &settings->address.sin_addr) != 1)
        fail_because(address, "not an IPv4 address");
    if (settings->host == NULL)
        settings->host = address;
}

static void watch(const struct audience *audience, int fd, enum source_kind *source)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = source};
    must(epoll_ctl(audience->epoll_fd, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

static void prepare(struct audience *audience)
{
    struct rlimit files;
    must(getrlimit(RLIMIT_NOFILE, &files), "RLIMIT_NOFILE");
    files.rlim_cur = files.rlim_max;
    must(setrlimit(RLIMIT_NOFILE, &files), "RLIMIT_NOFILE");
    audience->window_start_ns = audience->window_end_ns = NEVER;
    audience->next_retry_ns = NEVER;
    audience->stream.chunk_size = CHUNK_SIZE_MAX;
    stream_prepare(&audience->stream);
    audience->inspection =
        (struct inspection){.stream = &audience->stream, .checks = &audience->checks};
    audience->viewers = must_allocate(audience->settings.viewers, sizeof *audience->viewers);
    for (uint32_t i = 0; i < audience->settings.viewers; i++)
        audience->viewers[i].index = i;
    answers_prepare(audience);
    audience->epoll_fd = must(epoll_create1(EPOLL_CLOEXEC), "epoll");
    audience->timer_fd =
        must(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), "timerfd");
    audience->timer_source = FROM_TIMER;
    audience->gate_source = FROM_GATE;
    watch(audience, audience->timer_fd, &audience->timer_source);
    watch(audience, STDIN_FILENO, &audience->gate_source);
}

int main(int argc, char **argv)
{
    static struct audience audience; /* the histograms are too large for a stack */
    read_options(&audience.settings, argc, argv);
    must(prctl(PR_SET_PDEATHSIG, SIGKILL), "PR_SET_PDEATHSIG"); /* never outlives its runner */
    prepare(&audience);
    fprintf(stderr, "ready\n");
    run_to_the_end(&audience);
    verdict_print(&audience);
    return 0;
}
