#include "options.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "fmp4.h"

static const char USAGE[] =
    "load --port N [options]: publishers and players against a live origin on 127.0.0.1\n"
    "  --port N                the server's port\n"
    "  --ingest-path PATH      default /ingest/{channel}\n"
    "  --play-path PATH        default /play/{channel}\n"
    "  --players N             players that join in the ramp (default 1)\n"
    "  --channels C            players are spread over bench0 … bench(C-1) (default 1)\n"
    "  --sources S             source addresses 127.0.0.1 … 127.0.0.S in turn (default 16)\n"
    "  --publish 0|1           1: also publish all channels (default); 0: another process does\n"
    "  --upload video|muxed|tracks  what a channel is: video alone, with audio in the same upload, or\n"
    "                          an upload for each, {track} in the path being their names\n"
    "  --audio-size BYTES      of an audio chunk (default 278: 102 kbit/s with the default rate)\n"
    "  --audio-hz RATE         audio chunks per second (default 46.875: one AAC frame each)\n"
    "  --init FILE             init segment of the video; default: a built-in one\n"
    "  --size BYTES            of a chunk, moof+mdat (default 4096)\n"
    "  --hz RATE               chunks per second and channel (default 30)\n"
    "  --gop N                 every Nth chunk is a sync chunk (default 30)\n"
    "  --ramp-rate R           connections per second in the ramp (default 2000)\n"
    "  --ramp-seconds S        give up waiting for players after this (default 60)\n"
    "  --warm-up S             between the ramp and the measured window (default 1)\n"
    "  --duration S            the measured window (default 5)\n"
    "  --drain-seconds S       time to catch up after the last chunk (default 5)\n"
    "  --event-at S            when the event begins, from the window's start (default 2)\n"
    "  --event-seconds S       how long it is: latencies before, during and after it are apart\n"
    "  --stall K               the event: K players do not read (for 10 s if no length is given)\n"
    "  --stall-seconds S       the same as --event-seconds\n"
    "  --late J                the event: J further players join at once (1 s counts as during it)\n"
    "  --gate                  wait for `ramp` and `go T0 T1` (CLOCK_MONOTONIC ns) on stdin\n"
    "  --buckets               put whole histograms into the result, to merge processes\n"
    "The result is one JSON object on stdout; the course is told on stderr.\n";

enum option_id {
    PORT = 1, INGEST_PATH, PLAY_PATH, PLAYERS, CHANNELS, SOURCES, PUBLISH, INIT, SIZE, HZ, GOP,
    RAMP_RATE, RAMP_SECONDS, WARM_UP, DURATION, DRAIN_SECONDS, EVENT_AT, STALL, STALL_SECONDS,
    EVENT_SECONDS, LATE, UPLOAD, AUDIO_SIZE, AUDIO_HZ, GATE, BUCKETS, HELP,
};

static const struct option LONG_OPTIONS[] = {
    {"port", required_argument, NULL, PORT},
    {"ingest-path", required_argument, NULL, INGEST_PATH},
    {"play-path", required_argument, NULL, PLAY_PATH},
    {"players", required_argument, NULL, PLAYERS},
    {"channels", required_argument, NULL, CHANNELS},
    {"sources", required_argument, NULL, SOURCES},
    {"publish", required_argument, NULL, PUBLISH},
    {"init", required_argument, NULL, INIT},
    {"size", required_argument, NULL, SIZE},
    {"hz", required_argument, NULL, HZ},
    {"gop", required_argument, NULL, GOP},
    {"ramp-rate", required_argument, NULL, RAMP_RATE},
    {"ramp-seconds", required_argument, NULL, RAMP_SECONDS},
    {"warm-up", required_argument, NULL, WARM_UP},
    {"duration", required_argument, NULL, DURATION},
    {"drain-seconds", required_argument, NULL, DRAIN_SECONDS},
    {"event-at", required_argument, NULL, EVENT_AT},
    {"stall", required_argument, NULL, STALL},
    {"stall-seconds", required_argument, NULL, STALL_SECONDS},
    {"event-seconds", required_argument, NULL, EVENT_SECONDS},
    {"late", required_argument, NULL, LATE},
    {"upload", required_argument, NULL, UPLOAD},
    {"audio-size", required_argument, NULL, AUDIO_SIZE},
    {"audio-hz", required_argument, NULL, AUDIO_HZ},
    {"gate", no_argument, NULL, GATE},
    {"buckets", no_argument, NULL, BUCKETS},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

static double number(const char *name, const char *text, double lowest, double highest)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(value) || value < lowest || value > highest) {
        char range[80];
        snprintf(range, sizeof range, "must be a number from %g to %g", lowest, highest);
        fail_because(name, range);
    }
    return value;
}

static uint32_t whole(const char *name, const char *text, uint32_t lowest, uint32_t highest)
{
    double value = number(name, text, lowest, highest);
    if (value != floor(value))
        fail_because(name, "must be a whole number");
    return (uint32_t)value;
}

static enum upload_shape shape(const char *name, const char *text)
{
    static const char *const NAMES[] = {
        [UPLOAD_VIDEO] = "video", [UPLOAD_MUXED] = "muxed", [UPLOAD_TRACKS] = "tracks"};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
        if (strcmp(text, NAMES[i]) == 0)
            return (enum upload_shape)i;
    fail_because(name, "must be video, muxed or tracks");
}

static void take_option(struct options *options, int id, const char *name, const char *text)
{
    switch (id) {
    case PORT: options->port = (uint16_t)whole(name, text, 1, 65535); break;
    case INGEST_PATH: options->ingest_path = text; break;
    case PLAY_PATH: options->play_path = text; break;
    case PLAYERS: options->players = whole(name, text, 0, 100000); break;
    case CHANNELS: options->channels = whole(name, text, 1, 1000); break;
    case SOURCES: options->sources = whole(name, text, 1, 250); break;
    case PUBLISH: options->publish = whole(name, text, 0, 1) == 1; break;
    case INIT: options->init_file = text; break;
    case SIZE: options->size = whole(name, text, CHUNK_SIZE_MIN, CHUNK_SIZE_MAX); break;
    case HZ: options->hz = number(name, text, 0.1, 10000); break;
    case GOP: options->gop = whole(name, text, 1, 100000); break;
    case RAMP_RATE: options->ramp_rate = number(name, text, 1, 1e6); break;
    case RAMP_SECONDS: options->ramp_seconds = number(name, text, 0.1, 600); break;
    case WARM_UP: options->warm_up = number(name, text, 0, 600); break;
    case DURATION: options->duration = number(name, text, 0.1, 3600); break;
    case DRAIN_SECONDS: options->drain_seconds = number(name, text, 0, 600); break;
    case EVENT_AT: options->event_at = number(name, text, 0, 3600); break;
    case STALL: options->stall = whole(name, text, 0, 100000); break;
    case STALL_SECONDS:
    case EVENT_SECONDS: options->event_seconds = number(name, text, 0.1, 3600); break;
    case LATE: options->late = whole(name, text, 0, 100000); break;
    case UPLOAD: options->upload = shape(name, text); break;
    case AUDIO_SIZE:
        options->audio_size = whole(name, text, CHUNK_SIZE_MIN, CHUNK_SIZE_MAX);
        break;
    case AUDIO_HZ: options->audio_hz = number(name, text, 0.1, 10000); break;
    case GATE: options->gate = true; break;
    case BUCKETS: options->buckets = true; break;
    case HELP: fputs(USAGE, stdout); exit(0);
    default: fputs(USAGE, stderr); exit(2);
    }
}

static void check_together(const struct options *options)
{
    if (options->port == 0)
        fail_because("--port", "must be given");
    if (options->upload != UPLOAD_VIDEO && options->players + options->late > 0)
        fail_because("--upload", "with audio: only without players");
    if (options->upload == UPLOAD_MUXED && options->init_file != NULL)
        fail_because("--init", "not with --upload muxed: that has its own");
    if (options->stall > options->players)
        fail_because("--stall", "more than there are players");
    if (options->event_seconds > 0 && options->event_at >= options->duration)
        fail_because("--event-at", "must lie inside the measured window");
}

struct options options_parse(int argc, char **argv)
{
    struct options options = {
        .ingest_path = "/ingest/{channel}",
        .play_path = "/play/{channel}",
        .players = 1,
        .channels = 1,
        .sources = 16,
        .gop = 30,
        .size = 4096,
        .hz = 30,
        .audio_size = 278,
        .audio_hz = 46.875,
        .ramp_rate = 2000,
        .ramp_seconds = 60,
        .warm_up = 1,
        .duration = 5,
        .drain_seconds = 5,
        .event_at = 2,
        .publish = true,
    };
    int id, index = 0;
    while ((id = getopt_long(argc, argv, "", LONG_OPTIONS, &index)) != -1)
        take_option(&options, id, id == '?' ? "" : LONG_OPTIONS[index].name, optarg);
    if (optind < argc)
        fail_because(argv[optind], "not an option");
    if (options.event_seconds == 0 && (options.stall > 0 || options.late > 0))
        options.event_seconds = options.stall > 0 ? 10 : 1;
    check_together(&options);
    return options;
}
