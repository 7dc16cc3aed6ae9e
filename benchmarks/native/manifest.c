#include "manifest.h"

#include <time.h>

#include "clock.h"
#include "edge.h"
#include "fail.h"

enum { MANIFEST_MAX = 8192 };

static void announce(char *text, const struct track *track)
{
    size_t at = strlen(text);
    snprintf(text + at, MANIFEST_MAX - at,
             "<AdaptationSet contentType=\"%s\"><SegmentTemplate timescale=\"%u\" duration=\"%u\" "
             "startNumber=\"1\" presentationTimeOffset=\"%ju\" availabilityTimeOffset=\"%.3f\" "
             "initialization=\"$RepresentationID$/init.mp4\" "
             "media=\"$RepresentationID$/$Number$.m4s\"/><Representation id=\"%s\"/>"
             "</AdaptationSet>",
             track->name, track->timescale, SEGMENT_SECONDS * track->timescale,
             (uintmax_t)track->first_time, SEGMENT_SECONDS - track->chunk_seconds, track->name);
}

/* One period for all tracks: it starts with the one that was there last, so that none is announced
 * before it can be there. */
static struct frame *render(const struct channel *channel)
{
    static char text[MANIFEST_MAX];
    char headers[128];
    uint64_t start_ns = 0;
    for (const struct track *track = channel->tracks; track != NULL; track = track->next)
        if (track->started && track->start_utc_ns > start_ns)
            start_ns = track->start_utc_ns;
    if (start_ns == 0)
        return NULL;
    snprintf(text, sizeof text,
             "<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"dynamic\" "
             "availabilityStartTime=\"1970-01-01T00:00:00Z\" minimumUpdatePeriod=\"PT1S\">"
             "<Period id=\"1\" start=\"PT%.3fS\">",
             (double)start_ns / 1e9);
    for (const struct track *track = channel->tracks; track != NULL; track = track->next)
        if (track->started)
            announce(text, track);
    strcat(text, "</Period><UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:http-iso:2014\" "
                 "value=\"/time\"/></MPD>");
    snprintf(headers, sizeof headers, "Content-Type: application/dash+xml\r\nETag: \"%u\"\r\n",
             channel->revision);
    return frame_response("200 OK", headers, (const unsigned char *)text, strlen(text));
}

struct frame *manifest_of(struct channel *channel, const char *head)
{
    static struct frame *not_modified;
    char wanted[64];
    uint32_t started = 0;
    for (const struct track *track = channel->tracks; track != NULL; track = track->next)
        started += track->started;
    if (started != channel->revision) {
        frame_release(channel->manifest);
        channel->manifest = NULL;
        channel->revision = started;
    }
    if (channel->manifest == NULL)
        channel->manifest = render(channel);
    snprintf(wanted, sizeof wanted, "\r\nIf-None-Match: \"%u\"\r\n", channel->revision);
    if (channel->manifest == NULL || strstr(head, wanted) == NULL)
        return channel->manifest;
    if (not_modified == NULL)
        not_modified = frame_response("304 Not Modified", "", NULL, 0);
    return not_modified;
}

struct frame *time_now(void)
{
    char text[64], seconds[32];
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now); /* cannot fail: the clock id is valid, so is the pointer */
    gmtime_r(&now.tv_sec, &utc);
    strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text, sizeof text, "%s.%03ldZ", seconds, now.tv_nsec / 1000000);
    return frame_response("200 OK", "Content-Type: text/plain\r\n", (const unsigned char *)text,
                          strlen(text));
}
