/* A closed loop of requests: so many connections, each asks for the next object as soon as it has
 * the one before, and every byte of every answer is compared. What a server makes of that on one
 * core is how many requests it answers in a second. See ../README.md. */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "fail.h"
#include "histogram.h"
#include "original.h"
#include "response.h"
#include "target.h"

enum {
    EVENTS_AT_ONCE = 256,
    RECEIVE_BUFFER_SIZE = 256 << 10,
    OBJECT_SIZE_MAX = 16 << 20,
    OBJECTS_MAX = 64,
    SOURCES = 64, /* addresses 127.0.0.1 … 127.0.0.64, taken in turn */
    CONNECTIONS_MAX = 10000,
    UNANSWERED_AFTER_SECONDS = 1,
};

/* What is asked for, and what must come. */
struct object {
    unsigned char *request, *body;
    size_t request_size, body_size;
};

struct asker {
    int fd;
    uint32_t index;
    const struct object *object; /* the one that was asked for */
    uint64_t sent_ns;
    size_t at; /* bytes of the body that have come */
    bool differs;
    uint32_t next; /* object */
    struct response response;
};

struct tally {
    uint64_t right;        /* whole and as they must be, in the measured window */
    uint64_t bytes;        /* of bodies, in the window */
    uint64_t wrong_bytes;  /* answers with another byte somewhere, ever */
    uint64_t wrong_length; /* too short or too long */
    uint64_t wrong_status;
    uint64_t closed; /* connections that ended, or broke off, with an answer under way */
};

struct loop {
    uint16_t port;
    uint32_t connection_count, object_count;
    unsigned status; /* that must come */
    struct object objects[OBJECTS_MAX];
    struct asker *askers;
    struct tally tally;
    struct histogram latency;
    uint64_t start_ns, end_ns; /* of the measured window */
    uint64_t cpu_start_ns;     /* this process's own, at its start */
    bool window_open;
    bool published; /* the bodies are segments of what the generator published */
    bool poll;      /* never sleep */
    uint64_t idle_ns; /* CPU time spent in polls that found nothing, in the window */
    uint64_t empty_since_ns; /* CPU clock when the last poll was found empty; 0: it was not */
    int epoll_fd;
    unsigned char *buffer;
};

static const char USAGE[] =
    "requests --port N --objects DIR --count K [options]: a closed loop of requests\n"
    "  --objects DIR   0.request and 0.body, 1.request … : what is sent, and what must come back\n"
    "  --count K       how many there are\n"
    "  --status S      that must come (default 200)\n"
    "  --published     the bodies must be segments of what `load` has published\n"
    "  --poll          do not sleep, so that the server does not pay for waking this process up\n"
    "  --connections C (default 64)\n"
    "It says `ready`, waits for `go T0 T1` (CLOCK_MONOTONIC ns) on stdin, and asks until T1.\n"
    "The result is one JSON object on stdout.\n";

/* ---- objects -------------------------------------------------------------------------------- */

static unsigned char *read_file(const char *folder, uint32_t index, const char *what, size_t *size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%" PRIu32 ".%s", folder, index, what);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_errno(path);
    unsigned char *bytes = must_allocate(OBJECT_SIZE_MAX, 1);
    *size = fread(bytes, 1, OBJECT_SIZE_MAX, file);
    if (ferror(file) || !feof(file))
        fail_because(path, "could not be read, or is too large");
    fclose(file); /* only read: nothing can be lost */
    return bytes;
}

static void read_objects(struct loop *loop, const char *folder)
{
    for (uint32_t i = 0; i < loop->object_count; i++) {
        struct object *object = &loop->objects[i];
        object->request = read_file(folder, i, "request", &object->request_size);
        object->body = read_file(folder, i, "body", &object->body_size);
    }
}

/* A body is whole chunks, as they were published. */
static void inspect(const struct object *object, const struct inspection *inspection)
{
    struct original original = {.is_segment = true, .ruler.timescale = 1};
    original_take(&original, inspection, 0, object->body, object->body_size);
    original_end(&original, inspection, object->body_size);
    const struct checks *checks = inspection->checks;
    if (!original.stamped || checks->damaged + checks->lost + checks->disorder > 0)
        fail_because("objects", "a body is not what was published");
    original_free(&original);
}

static void inspect_objects(const struct loop *loop)
{
    struct stream stream = {.chunk_size = CHUNK_SIZE_MAX};
    struct checks checks = {0};
    const struct inspection inspection = {.stream = &stream, .checks = &checks};
    stream_prepare(&stream);
    for (uint32_t i = 0; i < loop->object_count; i++)
        inspect(&loop->objects[i], &inspection);
    free(stream.filler);
}

/* ---- one connection ------------------------------------------------------------------------- */

static void ask(struct loop *loop, struct asker *asker)
{
    asker->object = &loop->objects[asker->next++ % loop->object_count];
    asker->at = 0;
    asker->differs = false;
    response_start(&asker->response);
    asker->sent_ns = monotonic_ns();
    ssize_t sent = send(asker->fd, asker->object->request, asker->object->request_size,
                        MSG_NOSIGNAL);
    (void)sent; /* an empty socket buffer takes a request; if the connection broke, recv() tells */
}

static void connect_asker(struct loop *loop, struct asker *asker)
{
    struct sockaddr_in address = target_address(loop->port), source = target_address(0);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = asker};
    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + asker->index % SOURCES);
    asker->fd = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    must(bind(asker->fd, (struct sockaddr *)&source, sizeof source), "bind source address");
    must(connect(asker->fd, (struct sockaddr *)&address, sizeof address), "connect");
    must(epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, asker->fd, &event), "watch");
}

static void reconnect(struct loop *loop, struct asker *asker)
{
    must(close(asker->fd), "close");
    connect_asker(loop, asker);
    ask(loop, asker);
}

static void take_body(void *context, const unsigned char *bytes, size_t length)
{
    struct asker *asker = context;
    const struct object *object = asker->object;
    if (asker->at + length > object->body_size ||
        memcmp(object->body + asker->at, bytes, length) != 0)
        asker->differs = true;
    asker->at += length;
}

/* A whole answer is here. */
static void judge(struct loop *loop, const struct asker *asker, uint64_t now_ns)
{
    struct tally *tally = &loop->tally;
    if (asker->response.status != loop->status)
        tally->wrong_status++;
    else if (asker->at != asker->object->body_size)
        tally->wrong_length++;
    else if (asker->differs)
        tally->wrong_bytes++;
    else if (now_ns >= loop->start_ns && now_ns < loop->end_ns) {
        tally->right++;
        tally->bytes += asker->at;
        histogram_add(&loop->latency, now_ns - asker->sent_ns);
    }
}

static void asker_ready(struct loop *loop, struct asker *asker)
{
    struct response *response = &asker->response;
    ssize_t length = recv(asker->fd, loop->buffer, RECEIVE_BUFFER_SIZE, MSG_DONTWAIT);
    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    size_t left = length > 0 ? (size_t)length : 0;
    const unsigned char *bytes = loop->buffer;
    while (left > 0 && response->state < RESPONSE_COMPLETE) {
        size_t taken = response_feed(response, bytes, left, take_body, asker);
        bytes += taken;
        left -= taken;
    }
    if (response->state == RESPONSE_COMPLETE)
        judge(loop, asker, monotonic_ns());
    if (left > 0) /* behind the end of the answer */
        loop->tally.wrong_length++;
    if (length <= 0 || response->state == RESPONSE_MALFORMED || left > 0) {
        loop->tally.closed++;
        reconnect(loop, asker);
    } else if (response->state == RESPONSE_COMPLETE) {
        if (response->closes)
            reconnect(loop, asker);
        else
            ask(loop, asker);
    }
}

/* ---- the course ----------------------------------------------------------------------------- */

static uint64_t own_cpu_ns(void)
{
    struct timespec used;
    must(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used), "CPU clock");
    return (uint64_t)used.tv_sec * NS_PER_SECOND + (uint64_t)used.tv_nsec;
}

static void wait_to_go(struct loop *loop)
{
    char line[128];
    if (fgets(line, sizeof line, stdin) == NULL ||
        sscanf(line, "go %" SCNu64 " %" SCNu64, &loop->start_ns, &loop->end_ns) != 2)
        fail_because("gate", "not `go T0 T1`");
    if (loop->start_ns < monotonic_ns() || loop->end_ns <= loop->start_ns)
        fail_because("measured window", "must lie in the future");
}

/* Between two empty polls the process was idle, whatever it spent. */
static void note_poll(struct loop *loop, int count)
{
    uint64_t since_ns = loop->empty_since_ns;
    loop->empty_since_ns = loop->poll && count == 0 ? own_cpu_ns() : 0;
    if (loop->window_open && since_ns > 0 && count == 0)
        loop->idle_ns += loop->empty_since_ns - since_ns;
}

static void run(struct loop *loop)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    for (uint32_t i = 0; i < loop->connection_count; i++)
        ask(loop, &loop->askers[i]);
    for (uint64_t now_ns = 0; now_ns < loop->end_ns; now_ns = monotonic_ns()) {
        if (!loop->window_open && now_ns >= loop->start_ns) {
            loop->window_open = true;
            loop->cpu_start_ns = own_cpu_ns();
        }
        int count = epoll_wait(loop->epoll_fd, events, EVENTS_AT_ONCE, loop->poll ? 0 : 10);
        if (count < 0 && errno != EINTR)
            fail_errno("epoll_wait");
        note_poll(loop, count);
        for (int i = 0; i < count; i++)
            asker_ready(loop, events[i].data.ptr);
    }
}

/* Connections on which nothing came for so long that it was not their turn that they waited for. */
static uint64_t count_unanswered(const struct loop *loop)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < loop->connection_count; i++)
        count += loop->askers[i].sent_ns + UNANSWERED_AFTER_SECONDS * NS_PER_SECOND < loop->end_ns;
    return count;
}

static void report(const struct loop *loop)
{
    const struct tally *tally = &loop->tally;
    double seconds = (double)(loop->end_ns - loop->start_ns) / 1e9;
    uint64_t cpu_ns = own_cpu_ns() - loop->cpu_start_ns; /* less what was only waiting */
    double cpu = (double)(cpu_ns > loop->idle_ns ? cpu_ns - loop->idle_ns : 0) / 1e9;
    printf("{\"window\":{\"seconds\":%.6f,\"completed\":%" PRIu64 ",\"bytes\":%" PRIu64 "}",
           seconds, tally->right, tally->bytes);
    printf(",\"checks\":{\"wrong_bytes\":%" PRIu64 ",\"wrong_length\":%" PRIu64
           ",\"wrong_status\":%" PRIu64 ",\"closed\":%" PRIu64 ",\"unanswered\":%" PRIu64 "}",
           tally->wrong_bytes, tally->wrong_length, tally->wrong_status, tally->closed,
           count_unanswered(loop));
    printf(",\"latency_us\":{\"answer\":");
    histogram_print_json(&loop->latency, stdout, 1);
    printf("},\"generator\":{\"cpu_share\":%.4f}}\n", cpu / seconds);
    if (fflush(stdout) != 0)
        fail_errno("write the result");
}

static uint32_t whole(const char *name, const char *text, unsigned long highest)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (end == text || *end != '\0' || value < 1 || value > highest)
        fail_because(name, "not a number from 1 to what is sensible");
    return (uint32_t)value;
}

static const char *read_options(struct loop *loop, int argc, char **argv)
{
    static const struct option OPTIONS[] = {
        {"port", required_argument, NULL, 'p'},        {"objects", required_argument, NULL, 'o'},
        {"count", required_argument, NULL, 'n'},       {"status", required_argument, NULL, 's'},
        {"connections", required_argument, NULL, 'c'}, {"published", no_argument, NULL, 'w'},
        {"poll", no_argument, NULL, 'l'},              {NULL, 0, NULL, 0},
    };
    const char *folder = NULL;
    for (int id; (id = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1;) {
        switch (id) {
        case 'p': loop->port = (uint16_t)whole("--port", optarg, 65535); break;
        case 'o': folder = optarg; break;
        case 'n': loop->object_count = whole("--count", optarg, OBJECTS_MAX); break;
        case 's': loop->status = whole("--status", optarg, 599); break;
        case 'c': loop->connection_count = whole("--connections", optarg, CONNECTIONS_MAX); break;
        case 'w': loop->published = true; break;
        case 'l': loop->poll = true; break;
        default: fputs(USAGE, stderr); exit(2);
        }
    }
    if (loop->port == 0 || folder == NULL || loop->object_count == 0)
        fail_because("usage", "--port, --objects and --count must be given");
    return folder;
}

int main(int argc, char **argv)
{
    static struct loop loop = {.connection_count = 64, .status = 200};
    const char *folder = read_options(&loop, argc, argv);
    must(prctl(PR_SET_PDEATHSIG, SIGKILL), "PR_SET_PDEATHSIG"); /* never outlives its runner */
    read_objects(&loop, folder);
    if (loop.published)
        inspect_objects(&loop);
    loop.buffer = must_allocate(RECEIVE_BUFFER_SIZE, 1);
    loop.epoll_fd = must(epoll_create1(EPOLL_CLOEXEC), "epoll");
    loop.askers = must_allocate(loop.connection_count, sizeof *loop.askers);
    for (uint32_t i = 0; i < loop.connection_count; i++) {
        loop.askers[i].index = loop.askers[i].next = i;
        connect_asker(&loop, &loop.askers[i]);
    }
    fprintf(stderr, "ready\n");
    wait_to_go(&loop);
    run(&loop);
    report(&loop);
    return 0;
}
