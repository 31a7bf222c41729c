/**
 * Keeps the page's files in the browser: those of the first sight when it is installed, the rest
 * when it is told. What is kept is answered without a network. The build writes what there is.
 */
const VERSION = /* VERSION */ null,
  CORE = /* CORE */ null,
  REST = /* REST */ null;

const NAME = `kinestyle-${VERSION}`;

/** What the browser holds already is only asked for whether it is still the same. */
const wanted = (file) => new Request(file, { cache: 'no-cache' });

async function install() {
  const cache = await caches.open(NAME);
  await cache.addAll(['./', ...CORE].map(wanted));
  await self.skipWaiting();
}

async function activate() {
  for (const name of await caches.keys())
    if (name.startsWith('kinestyle-') && name !== NAME) await caches.delete(name);
  await self.clients.claim();
}

/** One after the other, behind what the person asks for. */
async function keepRest() {
  const cache = await caches.open(NAME);
  for (const file of REST) if (!(await cache.match(file))) await cache.add(wanted(file));
  for (const client of await self.clients.matchAll()) client.postMessage('kept');
}

async function answer(request) {
  const cache = await caches.open(NAME);
  const kept = await cache.match(request, { ignoreSearch: true });
  if (kept) return kept;
  const found = await fetch(request);
  if (found.ok) await cache.put(request, found.clone());
  return found;
}

self.addEventListener('install', (event) => event.waitUntil(install()));
self.addEventListener('activate', (event) => event.waitUntil(activate()));
self.addEventListener('message', (event) => {
  if (event.data === 'rest') event.waitUntil(keepRest().catch(() => {}));
});
self.addEventListener('fetch', (event) => {
  const { request } = event,
    isOurs = new URL(request.url).origin === location.origin;
  if (isOurs && request.method === 'GET') event.respondWith(answer(request));
});
