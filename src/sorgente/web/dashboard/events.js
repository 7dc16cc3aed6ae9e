// Server-sent events over fetch: EventSource can send no key in a header.

const TRY_AGAIN = 2000; // ms: an origin is restarted in less

export class Refused extends Error {}

/** Call `heard(name, data)` for every event, and `lost()` when it stops and is tried again.
 *  Ends only by throwing Refused: the key is missing, or wrong. */
export async function listen(url, headers, heard, lost) {
  for (;;) {
    try {
      const response = await fetch(url, { headers, cache: "no-store" });
      if (response.status === 401 || response.status === 403) {
        throw new Refused((await response.text()).trim());
      }
      if (response.ok) await read(response.body, heard);
    } catch (error) {
      if (error instanceof Refused) throw error;
    }
    lost();
    await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN));
  }
}

async function read(body, heard) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const events = (text + value).split("\n\n");
    text = events.pop();
    for (const event of events) {
      const found = /^event: (\w+)\ndata: (.*)$/.exec(event);
      if (found) heard(found[1], JSON.parse(found[2]));
    }
  }
}
