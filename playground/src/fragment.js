// A spec in the part of the address after `#`, which no server sees. Whoever wrote the address may be anybody.
export const MOST_CHARACTERS = 60_000; // of a spec
const MOST_ENCODED = 40_000; // of the address

/** The address's fragment for a spec; null for one that is too long. */
export async function written(text) {
  if (text.length > MOST_CHARACTERS) return null;
  const bytes = await through(new Blob([text]).stream(), new CompressionStream("deflate-raw"), Infinity);
  const encoded = base64url(bytes);
  return encoded.length > MOST_ENCODED ? null : `#spec=${encoded}`;
}

/** The spec in a fragment; null where there is none. Throws an `Error` with words for the user where it is damaged. */
export async function read(fragment) {
  const found = /^#spec=([A-Za-z0-9_-]*)$/.exec(fragment);
  if (!found) {
    if (fragment.startsWith("#spec=")) throw new Error("the address holds a spec that cannot be read");
    return null;
  }
  if (found[1].length > MOST_ENCODED) throw new Error("the address holds a spec that is too long");
  try {
    const compressed = Uint8Array.from(atob(found[1].replace(/-/g, "+").replace(/_/g, "/")), (each) => each.charCodeAt(0));
    const limit = MOST_CHARACTERS * 4; // bytes of UTF-8
    const bytes = await through(new Blob([compressed]).stream(), new DecompressionStream("deflate-raw"), limit);
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (text.length > MOST_CHARACTERS) throw new TooLong();
    return text;
  } catch (error) {
    const what = error instanceof TooLong ? "is too long" : "cannot be read";
    throw new Error(`the address holds a spec that ${what}`);
  }
}

class TooLong extends Error {}

/** What comes out of a transform, which is stopped at the limit: a small fragment may unpack to gigabytes. */
async function through(stream, transform, limit) {
  const reader = stream.pipeThrough(transform).getReader();
  const parts = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > limit) {
      reader.cancel().catch(() => {});
      throw new TooLong();
    }
    parts.push(value);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function base64url(bytes) {
  let text = "";
  for (const each of bytes) text += String.fromCharCode(each);
  return btoa(text).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}
