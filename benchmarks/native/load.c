/* The load generator: publishers and players in one thread over epoll. See options.c for its
 * command line and ../README.md for what it measures. */
#include "load.h"

#include <inttypes.h>
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
    GATE_PATIENCE_SECONDS = 120,
    SPARE_FILES = 64,
};

/* ---- before anything runs ------------------------------------------------------------------- */

static const unsigned char *read_init_file(const char *path, size_t *size)
{
    unsigned char *bytes = must_allocate(INIT_SIZE_MAX, 1);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_errno(path);
    *size = fread(bytes, 1, INIT_SIZE_MAX, file);
    if (ferror(file) || !feof(file))
        fail_because(path, "could not be read, or is too large for an init segment");
    fclose(file); /* only read: nothing can be lost */
    return bytes;
}

static void use_init(struct stream *stream, enum init_kind kind, unsigned index)
{
    size_t size;
    const unsigned char *init = init_built_in(kind, &size);
    if (!stream_use_init(stream, init, size, index))
        fail_because("built-in init segment", "no such track in it");
}

static void prepare_streams(struct load *load)
{
    const struct options *options = &load->options;
    load->stream.chunk_size = options->size;
    load->stream.hz = options->hz;
    load->stream.gop = options->gop;
    load->audio.chunk_size = options->audio_size;
    load->audio.hz = options->audio_hz;
    load->audio.gop = 1;
    if (options->init_file != NULL) {
        size_t size = 0;
        const unsigned char *init = read_init_file(options->init_file, &size);
        if (!stream_use_init(&load->stream, init, size, 0))
            fail_because(options->init_file, "no ftyp/moov with a track in it");
    } else {
        use_init(&load->stream, options->upload == UPLOAD_MUXED ? INIT_MUXED : INIT_VIDEO, 0);
    }
    if (options->upload == UPLOAD_MUXED)
        use_init(&load->audio, INIT_MUXED, 1);
    else
        use_init(&load->audio, INIT_AUDIO, 0);
    stream_prepare(&load->stream);
    stream_prepare(&load->audio);
}

static void raise_file_limit(const struct options *options)
{
    struct rlimit limit;
    rlim_t needed = (rlim_t)options->players + options->late +
                    TRACKS_MAX * options->channels + SPARE_FILES;
    must(getrlimit(RLIMIT_NOFILE, &limit), "RLIMIT_NOFILE");
    limit.rlim_cur = limit.rlim_max;
    must(setrlimit(RLIMIT_NOFILE, &limit), "RLIMIT_NOFILE");
    if (limit.rlim_cur < needed) {
        fprintf(stderr, "error: %ju open files needed, %ju allowed: raise the hard limit\n",
                (uintmax_t)needed, (uintmax_t)limit.rlim_cur);
        exit(1);
    }
}

static void open_sources(struct load *load)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &load->timer_source};
    load->epoll_fd = must(epoll_create1(EPOLL_CLOEXEC), "epoll");
    load->timer_fd = must(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), "timerfd");
    load->timer_source = FROM_TIMER;
    must(epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, load->timer_fd, &event), "watch timer");
    if (!load->options.gate)
        return;
    load->gate_source = FROM_GATE;
    event.data.ptr = &load->gate_source;
    must(epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &event), "watch stdin");
}

static uint64_t own_cpu_ns(void)
{
    struct timespec used;
    must(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used), "CPU clock");
    return (uint64_t)used.tv_sec * NS_PER_SECOND + (uint64_t)used.tv_nsec;
}

/* ---- the course ----------------------------------------------------------------------------- */

static void start_ramp(struct load *load)
{
    load->phase = RAMPING;
    load->ramp_start_ns = load->now_ns;
    load->phase_deadline_ns = load->now_ns + seconds_to_ns(load->options.ramp_seconds);
    fprintf(stderr, "ramp\n");
}

static void set_window(struct load *load, uint64_t start_ns, uint64_t end_ns)
{
    const struct options *options = &load->options;
    if (start_ns < load->now_ns || end_ns <= start_ns)
        fail_because("measured window", "must lie in the future");
    load->phase = RUNNING;
    load->window_start_ns = start_ns;
    load->window_end_ns = end_ns;
    load->phase_deadline_ns = end_ns;
    if (options->event_seconds > 0) {
        load->event_start_ns = start_ns + seconds_to_ns(options->event_at);
        load->event_end_ns = load->event_start_ns + seconds_to_ns(options->event_seconds);
    }
}

static void end_ramp(struct load *load)
{
    load->joined_ns = load->now_ns;
    fprintf(stderr, "joined %" PRIu32 " of %" PRIu32 " in %.3f s\n", load->ramp_joined,
            load->options.players, (double)(load->now_ns - load->ramp_start_ns) / 1e9);
    if (load->options.gate) {
        load->phase = WAITING_TO_GO;
        load->phase_deadline_ns = load->now_ns + GATE_PATIENCE_SECONDS * NS_PER_SECOND;
        return;
    }
    uint64_t start_ns = load->now_ns + seconds_to_ns(load->options.warm_up);
    set_window(load, start_ns, start_ns + seconds_to_ns(load->options.duration));
}

static void ramp_up(struct load *load)
{
    double elapsed = (double)(load->now_ns - load->ramp_start_ns) / 1e9;
    double allowed = 1 + elapsed * load->options.ramp_rate;
    while (load->next_to_connect < load->options.players && load->next_to_connect < allowed)
        player_connect(load, &load->players[load->next_to_connect++]);
    if (load->ramp_joined + load->ramp_given_up == load->options.players ||
        load->now_ns >= load->phase_deadline_ns)
        end_ramp(load);
}

static void start_event(struct load *load)
{
    load->event_started = true;
    if (load->options.stall > 0)
        players_pause(load, true);
    for (uint32_t i = load->options.players; i < load->player_count; i++)
        player_connect(load, &load->players[i]); /* nothing is read until all have set out */
}

static void end_event(struct load *load)
{
    load->event_ended = true;
    if (load->options.stall > 0)
        players_pause(load, false);
}

static void run(struct load *load)
{
    if (!load->window_opened && load->now_ns >= load->window_start_ns) {
        load->window_opened = true;
        load->window.cpu_start_ns = own_cpu_ns();
    }
    if (!load->event_started && load->now_ns >= load->event_start_ns)
        start_event(load);
    if (load->event_started && !load->event_ended && load->now_ns >= load->event_end_ns)
        end_event(load);
    if (load->now_ns < load->window_end_ns)
        return;
    load->window.cpu_end_ns = own_cpu_ns();
    if (load->event_started && !load->event_ended)
        end_event(load);
    load->phase = DRAINING;
    load->phase_deadline_ns = load->now_ns + seconds_to_ns(load->options.drain_seconds);
}

static void advance(struct load *load)
{
    publish_due(load);
    if (load->now_ns >= load->next_retry_ns)
        players_retry(load);
    switch (load->phase) {
    case RAMPING:
        ramp_up(load);
        break;
    case RUNNING:
        run(load);
        break;
    case DRAINING:
        if ((load->unsettled == 0 && publishers_settled(load)) ||
            load->now_ns >= load->phase_deadline_ns)
            load->phase = OVER;
        break;
    default:
        if (load->now_ns >= load->phase_deadline_ns)
            fail_because("gate", "nothing was said in time");
    }
}

static uint64_t sooner(uint64_t one, uint64_t other)
{
    return one < other ? one : other;
}

static uint64_t next_due_ns(const struct load *load)
{
    uint64_t due = sooner(load->phase_deadline_ns, load->next_retry_ns);
    due = sooner(due, publishers_due_ns(load));
    if (load->phase == RAMPING && load->next_to_connect < load->options.players)
        due = sooner(due, load->ramp_start_ns +
                              seconds_to_ns(load->next_to_connect / load->options.ramp_rate));
    if (load->phase == RUNNING && !load->window_opened)
        due = sooner(due, load->window_start_ns);
    if (load->phase == RUNNING && !load->event_started)
        due = sooner(due, load->event_start_ns);
    if (load->phase == RUNNING && load->event_started && !load->event_ended)
        due = sooner(due, load->event_end_ns);
    return due;
}

static void arm_timer(struct load *load)
{
    uint64_t due = next_due_ns(load);
    if (due == load->timer_armed_for_ns)
        return;
    struct itimerspec timer = {.it_value = {.tv_sec = (time_t)(due / NS_PER_SECOND),
                                            .tv_nsec = (long)(due % NS_PER_SECOND)}};
    must(timerfd_settime(load->timer_fd, TFD_TIMER_ABSTIME, &timer, NULL), "arm timer");
    load->timer_armed_for_ns = due;
}

/* ---- what epoll hands back ------------------------------------------------------------------ */

static void obey(struct load *load, const char *line)
{
    uint64_t start_ns, end_ns;
    load->now_ns = monotonic_ns();
    if (load->phase == WAITING_TO_RAMP && strcmp(line, "ramp") == 0)
        start_ramp(load);
    else if (load->phase == WAITING_TO_GO &&
             sscanf(line, "go %" SCNu64 " %" SCNu64, &start_ns, &end_ns) == 2)
        set_window(load, start_ns, end_ns);
    else
        fail_because("gate", "not a word for this phase");
}

static void gate_ready(struct load *load)
{
    size_t room = sizeof load->gate_line - load->gate_length;
    ssize_t length = read(STDIN_FILENO, load->gate_line + load->gate_length, room);
    if (length < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (length <= 0)
        fail_because("gate", "stdin was closed, or a line is too long");
    load->gate_length += (size_t)length;
    char *end;
    while ((end = memchr(load->gate_line, '\n', load->gate_length)) != NULL) {
        *end = '\0';
        obey(load, load->gate_line);
        size_t used = (size_t)(end + 1 - load->gate_line);
        load->gate_length -= used;
        memmove(load->gate_line, end + 1, load->gate_length);
    }
}

static void timer_ready(struct load *load)
{
    uint64_t expirations;
    ssize_t length = read(load->timer_fd, &expirations, sizeof expirations);
    if (length < 0 && errno != EAGAIN && errno != EINTR)
        fail_errno("read timer");
    load->timer_armed_for_ns = 0;
    load->now_ns = monotonic_ns();
}

static void dispatch(struct load *load, const struct epoll_event *event)
{
    switch (*(const enum source_kind *)event->data.ptr) {
    case FROM_TIMER:
        timer_ready(load);
        break;
    case FROM_GATE:
        gate_ready(load);
        break;
    case FROM_PUBLISHER:
        publisher_ready(load, event->data.ptr, event->events);
        break;
    case FROM_PLAYER:
        player_ready(load, event->data.ptr, event->events);
        break;
    }
}

/* Ends by itself: every phase has a deadline. */
static void run_to_the_end(struct load *load)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    while (load->phase != OVER) {
        arm_timer(load);
        int count = epoll_wait(load->epoll_fd, events, EVENTS_AT_ONCE, -1);
        if (count < 0 && errno != EINTR)
            fail_errno("epoll_wait");
        for (int i = 0; i < count; i++) {
            dispatch(load, &events[i]);
            if (load->now_ns >= load->timer_armed_for_ns)
                publish_due(load); /* players' chunks must not make the publishers late */
        }
        load->now_ns = monotonic_ns();
        advance(load);
    }
}

int main(int argc, char **argv)
{
    static struct load load; /* the histograms are too large for a stack */
    load.options = options_parse(argc, argv);
    must(prctl(PR_SET_PDEATHSIG, SIGKILL), "PR_SET_PDEATHSIG"); /* never outlives its runner */
    load.window_start_ns = load.window_end_ns = NEVER;
    load.event_start_ns = load.event_end_ns = NEVER;
    load.next_retry_ns = NEVER;
    raise_file_limit(&load.options);
    prepare_streams(&load);
    open_sources(&load);
    load.channels = must_allocate(load.options.channels, sizeof *load.channels);
    players_create(&load);
    publishers_open(&load);
    load.now_ns = monotonic_ns();
    fprintf(stderr, "ready\n");
    load.phase_deadline_ns = load.now_ns + GATE_PATIENCE_SECONDS * NS_PER_SECOND;
    if (!load.options.gate)
        start_ramp(&load);
    run_to_the_end(&load);
    report_print(&load);
    return 0;
}
