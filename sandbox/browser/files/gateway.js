/* The frame's own calls to the gateway. */
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export function flatten(prefix, value, out) {
  if (value === null || value === undefined || value === "") return;
  if (typeof value === "object") {
    Object.entries(value).forEach(([name, inner]) => flatten(`${prefix}[${name}]`, inner, out));
  } else {
    out.append(prefix, value);
  }
}

/* Sends with one idempotency key and tries again where that is safe, as the gateway's own script does. */
export async function send(path, body) {
  const headers = { "Content-Type": "application/x-www-form-urlencoded", "Idempotency-Key": crypto.randomUUID ? crypto.randomUUID() : String(Math.random()).slice(2) };
  for (let attempt = 0; ; attempt += 1) {
    let answer = null;
    try {
      const response = await fetch(path, { method: "POST", headers, body });
      answer = { status: response.status, body: await response.json() };
    } catch (error) {
      answer = { status: 0, body: { error: { type: "api_connection_error" } } };
    }
    const again = answer.status === 0 || answer.status === 409 || answer.status === 429 || answer.status >= 500;
    if (!again || attempt === 3) return answer;
    await pause(400 * 2 ** attempt);
  }
}

export function addressOf(clientSecret) {
  const id = clientSecret.split("_secret_")[0];
  return `/v1/${id.startsWith("seti_") ? "setup" : "payment"}_intents/${id}`;
}

export async function readIntent(key, clientSecret) {
  try {
    const response = await fetch(`${addressOf(clientSecret)}?${new URLSearchParams({ key, client_secret: clientSecret })}`);
    return response.ok ? await response.json() : null;
  } catch (error) {
    return null;
  }
}
