// Plays ?url= with ?player=dash|shaka at its default settings, and reads the clock in the picture.
// take() returns what has been seen since it was last asked.
"use strict";

const COLUMNS = 8;
const ROWS = 6;
const SIDE = 4; // pixels of a block on the canvas: its middle is not blurred by its neighbours
const STAMP_BITS = 40;
const CHECK_PRIME = 251;

const query = new URLSearchParams(location.search);
const video = document.querySelector("video");
const canvas = document.createElement("canvas");
canvas.width = COLUMNS * SIDE;
canvas.height = ROWS * SIDE;
const context = canvas.getContext("2d", { willReadFrequently: true });

const wallClock = () => performance.timeOrigin + performance.now();
const fresh = () => ({ samples: [], stalls: [], errors: [], unreadable: 0 });
let seen = fresh();
const once = { asked: null, playing: null, firstPicture: null };

function note(fatal, text) {
  seen.errors.push({ at: wallClock(), fatal, text: String(text).slice(0, 500) });
}

// The milliseconds in the blocks, modulo 2 ** STAMP_BITS; null if they are not right.
function stamped() {
  context.drawImage(video, 0, 0, canvas.width, canvas.height);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  let stamp = 0;
  let check = 0;
  for (let block = 0; block < COLUMNS * ROWS; block++) {
    const x = (block % COLUMNS) * SIDE + SIDE / 2;
    const y = Math.floor(block / COLUMNS) * SIDE + SIDE / 2;
    const bit = data[(y * canvas.width + x) * 4 + 1] > 127 ? 1 : 0;
    if (block < STAMP_BITS) stamp = stamp * 2 + bit;
    else check = check * 2 + bit;
  }
  return check === 255 - (stamp % CHECK_PRIME) ? stamp : null;
}

function onPicture() {
  const shown = wallClock();
  once.firstPicture ??= shown;
  const stamp = stamped();
  if (stamp === null) {
    seen.unreadable++;
  } else {
    const late = (shown % 2 ** STAMP_BITS) - stamp;
    seen.samples.push([shown, late]);
  }
  video.requestVideoFrameCallback(onPicture);
}

function take() {
  const { totalVideoFrames, droppedVideoFrames } = video.getVideoPlaybackQuality();
  const { buffered } = video;
  const ranges = Array.from(buffered, (_, n) => n).length;
  const result = {
    ...seen,
    ...once,
    opened: performance.timeOrigin,
    skew: Date.now() - wallClock(),
    total: totalVideoFrames,
    dropped: droppedVideoFrames,
    state: {
      time: video.currentTime,
      rate: video.playbackRate,
      paused: video.paused,
      ended: video.ended,
      ready: video.readyState,
      buffered: ranges ? [buffered.start(0), buffered.end(ranges - 1), ranges] : [],
      latency: latency(),
      audio: video.webkitAudioDecodedByteCount ?? 0,
      width: video.videoWidth,
    },
  };
  seen = fresh();
  return result;
}

let latency = () => null;

const players = {
  dash(url) {
    const player = dashjs.MediaPlayer().create();
    const { ERROR, PLAYBACK_ERROR } = dashjs.MediaPlayer.events;
    for (const event of [ERROR, PLAYBACK_ERROR]) {
      player.on(event, ({ type, error }) =>
        note(true, `${type} ${error?.code} ${error?.message ?? error}`),
      );
    }
    player.initialize(video, url, true);
    latency = () => player.getCurrentLiveLatency();
  },
  async shaka(url) {
    shaka.polyfill.installAll();
    const player = new shaka.Player();
    // Every streaming error is critical when it is reported; only then does Shaka's own failure
    // callback make those recoverable which it goes on after.
    const describe = (error) =>
      setTimeout(() => {
        const facts = error.data?.filter((part) => typeof part !== "object");
        const fatal = error.severity === shaka.util.Error.Severity.CRITICAL;
        note(fatal, `shaka ${error.code} ${JSON.stringify(facts)}`);
      });
    player.addEventListener("error", ({ detail }) => describe(detail));
    await player.attach(video);
    latency = () => player.getStats().liveLatency;
    await player.load(url).catch(describe);
  },
};

video.addEventListener("playing", () => {
  once.playing ??= wallClock();
});
video.addEventListener("waiting", () => {
  if (once.playing !== null) seen.stalls.push([wallClock(), video.currentTime, video.seeking]);
});
video.addEventListener("error", () => note(true, `video ${video.error?.message}`));
window.addEventListener("error", ({ message }) => note(true, `page ${message}`));
window.addEventListener("unhandledrejection", ({ reason }) => note(true, `page ${reason}`));

video.requestVideoFrameCallback(onPicture);
once.asked = wallClock();
players[query.get("player")](query.get("url"));
