// Plays ?url= with ?player=dash|shaka at its default settings, but for what ?setup= does with the
// player, and reads the clock in the picture.
// take() returns what has been seen since it was last asked.
import { ClockReader, since } from "/clock.js";

const WHOLE = { columns: 8, rows: 6, left: 0, top: 0, width: 1, height: 1 }; // support/picture.py

const query = new URLSearchParams(location.search);
const setUp = new Function("player", query.get("setup") ?? "");
const video = document.querySelector("video");
const reader = new ClockReader(WHOLE);

const wallClock = () => performance.timeOrigin + performance.now();
const fresh = () => ({ samples: [], stalls: [], errors: [], unreadable: 0 });
let seen = fresh();
const once = { asked: null, playing: null, firstPicture: null };

function note(fatal, text) {
  seen.errors.push({ at: wallClock(), fatal, text: String(text).slice(0, 500) });
}

function onPicture() {
  const shown = wallClock();
  once.firstPicture ??= shown;
  const stamp = reader.read(video);
  const late = stamp === null ? null : since(stamp, shown);
  if (late === null) seen.unreadable++;
  else seen.samples.push([shown, late]);
  video.requestVideoFrameCallback(onPicture);
}

window.take = function take() {
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
};

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
    setUp(player);
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
    setUp(player);
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
