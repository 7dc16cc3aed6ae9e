// What people paste into terminals and players.

const origin = () => location.origin;

export function ingestLine(channel) {
  return "ffmpeg -re -i input.mp4 -c:v libx264 -tune zerolatency -g 60 -c:a aac \\\n" +
    "  -f mp4 -movflags empty_moov+frag_keyframe+default_base_moof -frag_duration 200000 \\\n" +
    `  ${origin()}/ingest/${channel}`;
}

export const playLine = (channel) => `ffplay ${origin()}/play/${channel}`;

export const manifestLine = (channel) => `${origin()}/live/${channel}/manifest.mpd`;
