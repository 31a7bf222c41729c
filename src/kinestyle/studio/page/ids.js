/**
 * A name that nobody else has. `crypto.randomUUID` exists only in pages that came over TLS or from
 * this machine; `getRandomValues` exists everywhere.
 */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
