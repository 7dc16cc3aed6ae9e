/* What the viewers ask for, and when. */
#include <inttypes.h>

#include "audience.h"
#include "clock.h"
#include "fail.h"

/* Viewers are spread evenly over the time in which all of them ask, always in the same order. */
int64_t viewer_offset_ns(const struct audience *audience, const struct viewer *viewer)
{
    const struct settings *settings = &audience->settings;
    double offset_ms =
        settings->spread_ms * viewer->index / settings->viewers - settings->early_ms;
    return (int64_t)(offset_ms * 1e6);
}

/* ---- what it is told ------------------------------------------------------------------------ */

static void forget_oldest(struct audience *audience)
{
    while (audience->thing_count > THINGS_KEPT && audience->things->readers == 0) {
        struct thing *oldest = audience->things;
        audience->things = oldest->next;
        audience->thing_count--;
        original_free(&oldest->original);
        free(oldest);
    }
}

static void add(struct audience *audience, const struct thing *told)
{
    struct thing *thing = must_allocate(1, sizeof *thing);
    *thing = *told;
    struct thing **end = &audience->things;
    while (*end != NULL)
        end = &(*end)->next;
    *end = thing;
    audience->thing_count++;
    forget_oldest(audience);
}

bool agenda_obey(struct audience *audience, char *line)
{
    struct thing told = {.original.ruler.timescale = 1};
    struct ruler *ruler = &told.original.ruler;
    if (sscanf(line, "manifest %511s", told.target) == 1) {
        told.kind = MANIFEST;
        audience->manifest = told;
    } else if (sscanf(line, "init %" SCNu32 " %511s", &told.track, told.target) == 2) {
        told.kind = INIT;
        told.due_ns = audience->now_ns;
        add(audience, &told);
    } else if (sscanf(line, "segment %" SCNu32 " %" SCNu64 " %" SCNu64 " %lf %lf %511s",
                      &told.track, &told.number, &told.due_ns, &ruler->timescale, &ruler->zero_ns,
                      told.target) == 6) {
        told.kind = SEGMENT;
        told.original.is_segment = true;
        add(audience, &told);
    } else {
        return false;
    }
    if (told.track >= TRACKS_MAX)
        fail_because(line, "too many tracks");
    if (told.track >= audience->track_count)
        audience->track_count = told.track + 1;
    return true;
}

/* ---- when it is asked for ------------------------------------------------------------------- */

static uint64_t moment(const struct audience *audience, const struct thing *thing)
{
    return thing->due_ns +
           (uint64_t)viewer_offset_ns(audience, &audience->viewers[thing->next_viewer]);
}

static uint64_t manifest_moment(const struct audience *audience)
{
    double rounds = (double)audience->manifest_turn / audience->settings.viewers;
    return audience->ramp_start_ns + seconds_to_ns(rounds * audience->settings.manifest_seconds);
}

static uint64_t entry_moment(const struct audience *audience)
{
    return audience->ramp_start_ns +
           seconds_to_ns(audience->next_to_join / audience->settings.ramp_rate);
}

/* Those who have come later have asked for it themselves. */
static bool wants(const struct viewer *viewer, const struct thing *thing)
{
    return viewer->state == WATCHING &&
           (thing->kind != SEGMENT || viewer->newest[thing->track] <= thing->number);
}

static void ask_for(struct audience *audience, struct thing *thing)
{
    for (; thing->next_viewer < audience->settings.viewers; thing->next_viewer++) {
        uint64_t due_ns = moment(audience, thing);
        if (due_ns > audience->now_ns)
            return;
        struct viewer *viewer = &audience->viewers[thing->next_viewer];
        if (wants(viewer, thing))
            viewer_ask(audience, viewer, thing, due_ns);
    }
}

static void look_at_manifests(struct audience *audience)
{
    if (audience->settings.manifest_seconds <= 0)
        return;
    for (uint64_t due_ns; (due_ns = manifest_moment(audience)) <= audience->now_ns;) {
        struct viewer *viewer =
            &audience->viewers[audience->manifest_turn++ % audience->settings.viewers];
        if (viewer->state == WATCHING)
            viewer_ask(audience, viewer, &audience->manifest, due_ns);
    }
}

void agenda_run(struct audience *audience)
{
    while (audience->next_to_join < audience->settings.viewers &&
           entry_moment(audience) <= audience->now_ns)
        viewer_enter(audience, &audience->viewers[audience->next_to_join++]);
    for (struct thing *thing = audience->things; thing != NULL; thing = thing->next)
        ask_for(audience, thing);
    look_at_manifests(audience);
}

uint64_t agenda_due_ns(const struct audience *audience)
{
    uint64_t due = NEVER, own;
    if (audience->next_to_join < audience->settings.viewers)
        due = entry_moment(audience);
    if (audience->settings.manifest_seconds > 0 && (own = manifest_moment(audience)) < due)
        due = own;
    for (const struct thing *thing = audience->things; thing != NULL; thing = thing->next)
        if (thing->next_viewer < audience->settings.viewers &&
            (own = moment(audience, thing)) < due)
            due = own;
    return due;
}

/* ---- what came of it ------------------------------------------------------------------------ */

static void join(struct audience *audience, const struct thing *before, struct thing *after)
{
    if (after->joined || !before->original.whole || before->original.chunk_count == 0 ||
        after->original.chunk_count == 0)
        return;
    after->joined = true;
    originals_join(&before->original, &after->original, &audience->inspection);
}

void agenda_join(struct audience *audience, struct thing *thing)
{
    for (struct thing *other = audience->things; other != NULL; other = other->next) {
        if (other->kind != SEGMENT || other->track != thing->track)
            continue;
        if (other->number + 1 == thing->number)
            join(audience, other, thing);
        if (other->number == thing->number + 1)
            join(audience, thing, other);
    }
}
