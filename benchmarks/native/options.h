/* The load generator's command line. */
#ifndef SORGENTE_BENCH_OPTIONS_H
#define SORGENTE_BENCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a channel comes in. Those with audio are for no players: who has to know every byte beforehand
 * can do with one track only. */
enum upload_shape {
    UPLOAD_VIDEO,  /* one upload, of one track */
    UPLOAD_MUXED,  /* one upload of video and audio, chunk by chunk as they are due */
    UPLOAD_TRACKS, /* one upload each */
};

struct options {
    uint16_t port;
    const char *ingest_path; /* {channel} stands for the channel's name */
    const char *play_path;
    const char *init_file;
    uint32_t players, late, stall;
    uint32_t channels;
    uint32_t sources; /* source addresses 127.0.0.1 … 127.0.0.N, taken in turn */
    uint32_t gop;
    size_t size, audio_size;
    double hz, audio_hz;
    enum upload_shape upload;
    double ramp_rate; /* connections per second */
    double ramp_seconds;
    double warm_up, duration, drain_seconds;
    double event_at;
    double event_seconds; /* 0: there is no event */
    bool publish, gate, buckets;
};

/* Ends the process with a message when the command line is not right. */
struct options options_parse(int argc, char **argv);

#endif
