// Where the origin is from a page of ours, and what it says when it says no.
// @ts-check

const LINE = 200; // characters of an answer that are shown: ours are shorter
export const NOT_FOR_YOU = [401, 403]; // statuses that another try does not change

/** A path of the origin, under whatever stands in front of the page's own: `/t/TOKEN`, or what a
 * proxy puts there. @param {string} path without its first slash */
export const at = (path) => new URL(`../${path}`, location.href).href;

/** The origin's own words for a refusal; a proxy's page of HTML is none.
 * @param {Response} response */
export async function words(response) {
  const plain = response.headers.get("Content-Type")?.startsWith("text/plain");
  const said = plain ? (await response.text()).trim().slice(0, LINE) : "";
  return said || `the origin answers ${response.status}`;
}
