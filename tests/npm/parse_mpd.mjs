// Reads [{mpd, uri, now}] from stdin, writes what mpd-parser makes of each: {error} or
// {warnings, duration, tracks: [{id, init, segments: [{number, uri, duration}]}]}.
import { readFileSync } from "node:fs";
import { parse } from "mpd-parser";

function* playlists(manifest) {
  yield* manifest.playlists;
  for (const type of ["AUDIO", "SUBTITLES"]) {
    for (const group of Object.values(manifest.mediaGroups[type] ?? {})) {
      for (const rendition of Object.values(group)) yield* rendition.playlists ?? [];
    }
  }
}

function track(playlist) {
  return {
    id: playlist.attributes.NAME,
    init: playlist.segments[0]?.map.resolvedUri ?? null,
    segments: playlist.segments.map(({ number, resolvedUri, duration }) => ({
      number,
      uri: resolvedUri,
      duration,
    })),
  };
}

function summary({ mpd, uri, now }) {
  const warnings = [];
  const eventHandler = ({ type, message }) => warnings.push(`${type}: ${message}`);
  try {
    const manifest = parse(mpd, { manifestUri: uri, NOW: now, eventHandler });
    return { warnings, duration: manifest.duration, tracks: [...playlists(manifest)].map(track) };
  } catch (error) {
    return { error: String(error.message) };
  }
}

const requests = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(requests.map(summary)));
